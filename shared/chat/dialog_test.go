package chat_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
)

func TestDecode_Dialog(t *testing.T) {
	for body, want := range map[string]chat.Dialog{
		`{"type":"APP_COMMAND","appCommandMetadata":{"appCommandId":101},` +
			`"dialogEventType":"REQUEST_DIALOG","isDialogEvent":true}`: chat.DialogRequested,
		`{"type":"MESSAGE","appCommandMetadata":{"appCommandId":5},"isDialogEvent":"true"}`: chat.DialogRequested,
		`{"type":"CARD_CLICKED","dialogEventType":"REQUEST_DIALOG"}`:                        chat.DialogRequested,
		`{"type":"CARD_CLICKED","dialogEventType":"SUBMIT_DIALOG","isDialogEvent":true}`:    chat.DialogSubmitted,
		`{"type":"CARD_CLICKED","dialogEventType":"CANCEL_DIALOG","isDialogEvent":true}`:    chat.DialogCancelled,
		`{"type":"CARD_CLICKED","dialogEventType":7}`:                                       chat.NoDialog,
		`{"type":"CARD_CLICKED","isDialogEvent":true}`:                                      chat.NoDialog,
		`{"type":"APP_COMMAND","appCommandMetadata":{"appCommandId":5}}`:                    chat.NoDialog,
		`{"type":"MESSAGE"}`: chat.NoDialog,
	} {
		if got := decodeClassic(t, body).Dialog; got != want {
			t.Errorf("%s: got %d, want %d", body, got, want)
		}
	}
	e, err := chat.Decode(chat.AddOn, []byte(`{"chat":{"appCommandPayload":{`+
		`"appCommandMetadata":{"appCommandId":"101"},"dialogEventType":"REQUEST_DIALOG"}}}`))
	if err != nil || e.Dialog != chat.DialogRequested || e.Command != 101 {
		t.Errorf("add-on: %+v, %v", e, err)
	}
}

func TestDecode_FormInputs(t *testing.T) {
	const common = `{"formInputs":{"name":{"stringInputs":{"value":["Plan"]}},` +
		`"people":{"stringInputs":{"value":["users/1","users/2"]}},` +
		`"empty":{"stringInputs":{}},"odd":{"dateInput":{"msSinceEpoch":1}},"odder":7},"parameters":{"value":"sealed"}}`
	want := chat.Inputs{"name": {"Plan"}, "people": {"users/1", "users/2"}}
	if diff := cmp.Diff(want, decodeClassic(t, `{"type":"CARD_CLICKED","common":`+common+`}`).Inputs); diff != "" {
		t.Error(diff)
	}
	for _, payload := range []string{`"buttonClickedPayload":{"isDialogEvent":true}`, `"type":"SUBMIT_FORM"`} {
		e, err := chat.Decode(chat.AddOn, []byte(`{"commonEventObject":`+common+`,"chat":{`+payload+`}}`))
		if diff := cmp.Diff(want, e.Inputs); err != nil || diff != "" || e.Value.Reveal() != "sealed" {
			t.Error(payload, err, diff)
		}
	}
	if got := (chat.Inputs{}).First("name") + want.First("people"); got != "users/1" {
		t.Errorf("first: %q", got)
	}
}

func TestEncode_Target(t *testing.T) {
	reply := chat.Reply{Card: &chat.Card{Title: "T", Sections: []chat.Section{{Widgets: []chat.Widget{{Text: "x"}}}}}}
	leaves := reply
	leaves.ClosesDialog = true
	click := func(e chat.Event) chat.Event {
		e.Kind, e.Message, e.OwnMessage, e.Space.Direct = chat.Click, "spaces/A/messages/m", true, true
		return e
	}
	const card = `{"header":{"title":"T"},"sections":[{"widgets":[{"textParagraph":{"text":"x"}}]}]}`
	const message = `"cardsV2":[{"card":` + card + `,"cardId":"deputy"}],"fallbackText":"T"}`
	const pushed = `{"action":{"navigations":[{"pushCard":` + card + `}]}}`
	const updated = `{"action":{"navigations":[{"updateCard":` + card + `}]}}`
	const classicPosted = `{"actionResponse":{"type":"NEW_MESSAGE"},` + message
	const classicReplaced = `{"actionResponse":{"type":"UPDATE_MESSAGE"},` + message
	const classicUpdated = `{"renderActions":` + updated + `}`
	const classicClosed = `{"actionResponse":{"dialogAction":{"actionStatus":{"statusCode":"OK"}},"type":"DIALOG"}}`
	const closed = `{"action":{"navigations":[{"endNavigation":{"action":"CLOSE_DIALOG"}}]}}`
	const classicDialog = `{"actionResponse":{"dialogAction":{"dialog":{"body":` + card + `}},"type":"DIALOG"}}`
	const update = `{"hostAppDataAction":{"chatDataAction":{"updateMessageAction":{"message":{` + message + `}}}}`
	const opens, sent = chat.DialogRequested, chat.DialogSubmitted
	post := strings.Replace(update, "update", "create", 1)
	withoutMessage := click(chat.Event{Dialog: sent})
	withoutMessage.Message, withoutMessage.OwnMessage = "", false
	unnamed := click(chat.Event{Dialog: sent})
	unnamed.Message = ""
	keeps := reply
	keeps.KeepsCard = true
	typed := click(chat.Event{})
	typed.Kind = chat.Command
	for name, c := range map[string]struct {
		event          chat.Event
		reply          chat.Reply
		classic, addOn string
	}{
		"command opens a dialog":    {chat.Event{Kind: chat.Command, Dialog: opens}, reply, classicDialog, pushed},
		"click opens a dialog":      {click(chat.Event{Dialog: opens}), leaves, classicDialog, pushed},
		"form":                      {click(chat.Event{Dialog: sent}), reply, classicDialog, pushed},
		"form, card stays":          {click(chat.Event{Dialog: sent}), leaves, classicReplaced, update},
		"form, not from a card":     {withoutMessage, leaves, classicPosted, post},
		"form, message not named":   {unnamed, leaves, classicPosted, post},
		"click, card kept":          {click(chat.Event{}), keeps, classicPosted, post},
		"command":                   {typed, reply, classicPosted, post},
		"form closes":               {click(chat.Event{Dialog: sent}), chat.Reply{}, classicClosed, closed},
		"form was closed":           {click(chat.Event{Dialog: chat.DialogCancelled}), chat.Reply{}, `{}`, `{}`},
		"Home tab":                  {chat.Event{Kind: chat.Home, OnHomeTab: true}, reply, pushed, pushed},
		"Home tab, click":           {click(chat.Event{OnHomeTab: true}), reply, classicUpdated, updated},
		"Home tab, opens a dialog":  {click(chat.Event{OnHomeTab: true, Dialog: opens}), reply, classicUpdated, pushed},
		"Home tab, form stays open": {click(chat.Event{OnHomeTab: true, Dialog: sent}), leaves, classicUpdated, pushed},
	} {
		if diff := cmp.Diff(c.classic, encode(t, chat.Classic, c.event, c.reply)); diff != "" {
			t.Errorf("%s, classic: %s", name, diff)
		}
		if diff := cmp.Diff(c.addOn, encode(t, chat.AddOn, c.event, c.reply)); diff != "" {
			t.Errorf("%s, add-on: %s", name, diff)
		}
	}
}

func TestEncode_Fields(t *testing.T) {
	for want, f := range map[string]chat.Field{
		`{"textInput":{"hintText":"h","label":"Name","name":"n","type":"SINGLE_LINE",` +
			`"validation":{"characterLimit":128,"inputType":"TEXT"},"value":"a"}}`: {
			Kind: chat.Line, Name: "n", Label: "Name", Hint: "h", Limit: 128, Values: []string{"a"},
		},
		`{"textInput":{"label":"L","name":"n","type":"SINGLE_LINE",` +
			`"validation":{"characterLimit":1,"inputType":"TEXT"}}}`: {
			Kind: chat.Line, Name: "n", Label: "L", Limit: 1,
		},
		`{"textInput":{"label":"L","name":"n","type":"MULTIPLE_LINE"}}`: {
			Kind: chat.Paragraph, Name: "n", Label: "L",
		},
		`{"selectionInput":{"items":[{"text":"Off","value":"OFF"},{"selected":true,"text":"On","value":"ON"}],` +
			`"label":"L","name":"n","type":"DROPDOWN"}}`: {
			Kind: chat.Choice, Name: "n", Label: "L", Values: []string{"ON"},
			Options: []chat.Option{{"OFF", "Off"}, {"ON", "On"}},
		},
		`{"selectionInput":{"items":[{"selected":true,"text":"Off","value":"OFF"}],` +
			`"label":"L","name":"n","type":"RADIO_BUTTON"}}`: {
			Kind: chat.Radio, Name: "n", Label: "L", Values: []string{"OFF"}, Options: []chat.Option{{"OFF", "Off"}},
		},
		`{"decoratedText":{"switchControl":{"controlType":"SWITCH","name":"n","selected":true,"value":"on"},` +
			`"text":"a &lt; b","wrapText":true}}`: {
			Kind: chat.Switch, Name: "n", Label: "a < b", Values: []string{chat.On},
		},
		`{"selectionInput":{"items":[{"selected":true,"text":"Ada","value":"users/1"},` +
			`{"selected":true,"text":"users/2","value":"users/2"}],"label":"L","multiSelectMaxSelectedItems":49,` +
			`"multiSelectMinQueryLength":1,"name":"n","platformDataSource":{"commonDataSource":"USER"},` +
			`"type":"MULTI_SELECT"}}`: {
			Kind: chat.People, Name: "n", Label: "L", Limit: 49, Values: []string{"users/1", "users/2"},
			Options: []chat.Option{{"users/1", "Ada"}},
		},
	} {
		card := &chat.Card{Title: "T", Sections: []chat.Section{{Widgets: []chat.Widget{{Field: &f}}}}}
		e := chat.Event{Kind: chat.Command, Dialog: chat.DialogRequested}
		got := encode(t, chat.Classic, e, chat.Reply{Card: card})
		if got = strings.ReplaceAll(got, `\u0026`, "&"); !strings.Contains(got, `"widgets":[`+want+`]`) {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
}

func TestEncode_MatchesGoogleTypes(t *testing.T) {
	options := []chat.Option{{Value: "1", Text: "One"}, {Value: "2", Text: "Two"}}
	link := config.NewSecret("https://example.com/?a=1&b=2")
	widgets := []chat.Widget{
		{Text: "a <b>"},
		{Label: "Label", Text: "x", SideButton: &chat.Button{Text: "Go", Link: link}},
		{Buttons: []chat.Button{
			{Text: "One", Value: config.NewSecret("v"), Primary: true, OpensDialog: true, Required: []string{"name"}},
			{Text: "Two", Link: config.NewSecret("https://example.com")},
		}},
		{Field: &chat.Field{Kind: chat.Line, Name: "l", Label: "L", Hint: "h", Limit: 5, Values: []string{"x"}}},
		{Field: &chat.Field{Kind: chat.Paragraph, Name: "p", Label: "P"}},
		{Field: &chat.Field{Kind: chat.Choice, Name: "c", Label: "C", Values: []string{"1"}, Options: options}},
		{Field: &chat.Field{Kind: chat.Radio, Name: "r", Label: "R", Options: options[:1]}},
		{Field: &chat.Field{Kind: chat.Switch, Name: "s", Label: "S", Values: []string{chat.On}}},
		{Field: &chat.Field{Kind: chat.People, Name: "pp", Label: "PP", Limit: 49, Values: []string{"users/1"}}},
	}
	sections := []chat.Section{{Header: "Head", Widgets: widgets}}
	everything := chat.Reply{Card: &chat.Card{Title: "Title", Subtitle: "Sub", Sections: sections}}
	prompt := chat.Reply{ConnectURL: config.NewSecret("https://example.com/start?a=1&b=2")}
	app := chat.App{ProjectNumber: "1", Endpoint: "https://chat.example.com/"}
	for name, c := range map[string]struct {
		e chat.Event
		r chat.Reply
	}{
		"card":          {chat.Event{Kind: chat.Command, Person: chat.Person{Name: "users/1"}}, everything},
		"replaced card": {chat.Event{Kind: chat.Click, Space: chat.Space{Direct: true}}, everything},
		"dialog":        {chat.Event{Kind: chat.Command, Dialog: chat.DialogRequested}, everything},
		"dialog closes": {chat.Event{Kind: chat.Click, Dialog: chat.DialogSubmitted}, chat.Reply{}},
		"prompt":        {chat.Event{Kind: chat.Command}, prompt},
	} {
		ours, err := app.Encode(chat.Classic, c.e, c.r)
		if err != nil {
			t.Fatal(err)
		}
		var google chatapi.Message
		decoder := json.NewDecoder(bytes.NewReader(ours))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&google); err != nil {
			t.Errorf("%s: unknown to Google's types: %v", name, err)
		}
		theirs, err := json.Marshal(&google)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(decodeObject(t, theirs), decodeObject(t, ours)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func decodeObject(t *testing.T, text []byte) (out map[string]any) {
	t.Helper()
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

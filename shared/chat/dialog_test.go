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

func TestWhatADialogHasToDoWithAnEventIsTold(t *testing.T) {
	for body, want := range map[string]chat.Dialog{
		`{"type":"APP_COMMAND","appCommandMetadata":{"appCommandId":101},"dialogEventType":"REQUEST_DIALOG","isDialogEvent":true}`: chat.Opens,
		`{"type":"MESSAGE","appCommandMetadata":{"appCommandId":5},"isDialogEvent":"true"}`:                                        chat.Opens,
		`{"type":"CARD_CLICKED","dialogEventType":"REQUEST_DIALOG"}`:                                                               chat.Opens,
		`{"type":"CARD_CLICKED","dialogEventType":"SUBMIT_DIALOG","isDialogEvent":true}`:                                           chat.Sent,
		`{"type":"CARD_CLICKED","dialogEventType":"CANCEL_DIALOG","isDialogEvent":true}`:                                           chat.Cancelled,
		`{"type":"CARD_CLICKED","dialogEventType":7}`:                                                                              chat.NoDialog,
		`{"type":"MESSAGE"}`: chat.NoDialog,
	} {
		if got := decode(t, body).Dialog; got != want {
			t.Errorf("%s: got %d, want %d", body, got, want)
		}
	}
	e, err := chat.Decode(chat.AddOn, []byte(`{"chat":{"appCommandPayload":{"appCommandMetadata":{"appCommandId":"101"},"dialogEventType":"REQUEST_DIALOG"}}}`))
	if err != nil || e.Dialog != chat.Opens || e.Command != 101 {
		t.Errorf("add-on: %+v, %v", e, err)
	}
}

func TestWhatAFormHoldsIsReadFromEitherFormat(t *testing.T) {
	const held = `{"formInputs":{"name":{"stringInputs":{"value":["Plan"]}},"people":{"stringInputs":{"value":["users/1","users/2"]}},"empty":{"stringInputs":{}},"odd":{"dateInput":{"msSinceEpoch":1}},"odder":7},"parameters":{"value":"sealed"}}`
	want := chat.Inputs{"name": {"Plan"}, "people": {"users/1", "users/2"}}
	if diff := cmp.Diff(want, decode(t, `{"type":"CARD_CLICKED","common":`+held+`}`).Inputs); diff != "" {
		t.Error(diff)
	}
	for _, payload := range []string{`"buttonClickedPayload":{"isDialogEvent":true}`, `"type":"SUBMIT_FORM"`} {
		e, err := chat.Decode(chat.AddOn, []byte(`{"commonEventObject":`+held+`,"chat":{`+payload+`}}`))
		if diff := cmp.Diff(want, e.Inputs); err != nil || diff != "" || e.Value.Reveal() != "sealed" {
			t.Error(payload, err, diff)
		}
	}
	if got := (chat.Inputs{}).First("name") + want.First("people"); got != "users/1" {
		t.Errorf("first: %q", got)
	}
}

func TestAReplyIsShownWhereItsEventAllowsIt(t *testing.T) {
	reply := chat.Reply{Card: &chat.Card{Title: "T", Sections: []chat.Section{{Widgets: []chat.Widget{{Text: "x"}}}}}}
	leaves := reply
	leaves.Leaves = true
	click := func(e chat.Event) chat.Event {
		e.Kind, e.Message, e.Own, e.Space.Direct = chat.Click, "spaces/A/messages/m", true, true
		return e
	}
	const shown = `{"header":{"title":"T"},"sections":[{"widgets":[{"textParagraph":{"text":"x"}}]}]}`
	const message = `"cardsV2":[{"card":` + shown + `,"cardId":"deputy"}],"fallbackText":"T"}`
	const pushed, updated = `{"action":{"navigations":[{"pushCard":` + shown + `}]}}`, `{"action":{"navigations":[{"updateCard":` + shown + `}]}}`
	const classicDialog = `{"actionResponse":{"dialogAction":{"dialog":{"body":` + shown + `}},"type":"DIALOG"}}`
	const update = `{"hostAppDataAction":{"chatDataAction":{"updateMessageAction":{"message":{` + message + `}}}}`
	withoutMessage := click(chat.Event{Dialog: chat.Sent})
	withoutMessage.Message, withoutMessage.Own = "", false
	for name, c := range map[string]struct {
		event          chat.Event
		reply          chat.Reply
		classic, addOn string
	}{
		"a command for a dialog":           {chat.Event{Kind: chat.Command, Dialog: chat.Opens}, reply, classicDialog, pushed},
		"a click that opens":               {click(chat.Event{Dialog: chat.Opens}), leaves, classicDialog, pushed},
		"a form that is sent":              {click(chat.Event{Dialog: chat.Sent}), reply, classicDialog, pushed},
		"a form whose answer stays":        {click(chat.Event{Dialog: chat.Sent}), leaves, `{"actionResponse":{"type":"UPDATE_MESSAGE"},` + message, update},
		"the same, not from a card":        {withoutMessage, leaves, `{"actionResponse":{"type":"NEW_MESSAGE"},` + message, strings.Replace(update, "update", "create", 1)},
		"a dialog that only closes":        {click(chat.Event{Dialog: chat.Sent}), chat.Reply{}, `{"actionResponse":{"dialogAction":{"actionStatus":{"statusCode":"OK"}},"type":"DIALOG"}}`, `{"action":{"navigations":[{"endNavigation":{"action":"CLOSE_DIALOG"}}]}}`},
		"a dialog that was closed":         {click(chat.Event{Dialog: chat.Cancelled}), chat.Reply{}, `{}`, `{}`},
		"the Home tab":                     {chat.Event{Kind: chat.Home, Home: true}, reply, pushed, pushed},
		"a click on the Home tab":          {click(chat.Event{Home: true}), reply, `{"renderActions":` + updated + `}`, updated},
		"a click there that opens":         {click(chat.Event{Home: true, Dialog: chat.Opens}), reply, `{"renderActions":` + updated + `}`, pushed},
		"a form from there stays a dialog": {click(chat.Event{Home: true, Dialog: chat.Sent}), leaves, `{"renderActions":` + updated + `}`, pushed},
	} {
		if diff := cmp.Diff(c.classic, encode(t, chat.Classic, c.event, c.reply)); diff != "" {
			t.Errorf("%s, classic: %s", name, diff)
		}
		if diff := cmp.Diff(c.addOn, encode(t, chat.AddOn, c.event, c.reply)); diff != "" {
			t.Errorf("%s, add-on: %s", name, diff)
		}
	}
}

func TestFieldsAreWrittenAsChatHasThem(t *testing.T) {
	for want, f := range map[string]chat.Field{
		`{"textInput":{"hintText":"h","label":"Name","name":"n","type":"SINGLE_LINE","validation":{"characterLimit":128,"inputType":"TEXT"},"value":"a"}}`: {Kind: chat.Line, Name: "n", Label: "Name", Hint: "h", Limit: 128, Values: []string{"a"}},
		`{"textInput":{"label":"L","name":"n","type":"MULTIPLE_LINE"}}`:                                                                                    {Kind: chat.Paragraph, Name: "n", Label: "L"},
		`{"selectionInput":{"items":[{"text":"Off","value":"OFF"},{"selected":true,"text":"On","value":"ON"}],"label":"L","name":"n","type":"DROPDOWN"}}`: {
			Kind: chat.Choice, Name: "n", Label: "L", Values: []string{"ON"}, Options: []chat.Option{{"OFF", "Off"}, {"ON", "On"}},
		},
		`{"selectionInput":{"items":[{"selected":true,"text":"Off","value":"OFF"}],"label":"L","name":"n","type":"RADIO_BUTTON"}}`: {
			Kind: chat.Radio, Name: "n", Label: "L", Values: []string{"OFF"}, Options: []chat.Option{{"OFF", "Off"}},
		},
		`{"decoratedText":{"switchControl":{"controlType":"SWITCH","name":"n","selected":true,"value":"on"},"text":"a &lt; b","wrapText":true}}`: {
			Kind: chat.Switch, Name: "n", Label: "a < b", Values: []string{chat.On},
		},
		`{"selectionInput":{"items":[{"selected":true,"text":"Ada","value":"users/1"},{"selected":true,"text":"users/2","value":"users/2"}],"label":"L","multiSelectMaxSelectedItems":49,"multiSelectMinQueryLength":1,"name":"n","platformDataSource":{"commonDataSource":"USER"},"type":"MULTI_SELECT"}}`: {
			Kind: chat.People, Name: "n", Label: "L", Limit: 49, Values: []string{"users/1", "users/2"}, Options: []chat.Option{{"users/1", "Ada"}},
		},
	} {
		card := &chat.Card{Title: "T", Sections: []chat.Section{{Widgets: []chat.Widget{{Field: &f}}}}}
		got := encode(t, chat.Classic, chat.Event{Kind: chat.Command, Dialog: chat.Opens}, chat.Reply{Card: card})
		if got = strings.ReplaceAll(got, `\u0026`, "&"); !strings.Contains(got, `"widgets":[`+want+`]`) {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
}

func TestWhatIsWrittenIsWhatGooglesTypesWrite(t *testing.T) {
	everything := chat.Card{Title: "Title", Subtitle: "Sub", Sections: []chat.Section{{Header: "Head", Widgets: []chat.Widget{
		{Text: "a <b>"},
		{Label: "Label", Text: "x", Aside: &chat.Button{Text: "Go", Link: config.NewSecret("https://example.com/?a=1&b=2")}},
		{Buttons: []chat.Button{{Text: "One", Value: config.NewSecret("v"), Strong: true, Opens: true, Required: []string{"name"}}, {Text: "Two", Link: config.NewSecret("https://example.com")}}},
		{Field: &chat.Field{Kind: chat.Line, Name: "l", Label: "L", Hint: "h", Limit: 5, Values: []string{"x"}}},
		{Field: &chat.Field{Kind: chat.Paragraph, Name: "p", Label: "P"}},
		{Field: &chat.Field{Kind: chat.Choice, Name: "c", Label: "C", Values: []string{"1"}, Options: []chat.Option{{Value: "1", Text: "One"}, {Value: "2", Text: "Two"}}}},
		{Field: &chat.Field{Kind: chat.Radio, Name: "r", Label: "R", Options: []chat.Option{{Value: "1", Text: "One"}}}},
		{Field: &chat.Field{Kind: chat.Switch, Name: "s", Label: "S", Values: []string{chat.On}}},
		{Field: &chat.Field{Kind: chat.People, Name: "pp", Label: "PP", Limit: 49, Values: []string{"users/1"}}},
	}}}}
	app := chat.App{ProjectNumber: "1", Endpoint: "https://chat.example.com/"}
	for name, c := range map[string]struct {
		e chat.Event
		r chat.Reply
	}{
		"a card":         {chat.Event{Kind: chat.Command, Person: chat.Person{Name: "users/1"}}, chat.Reply{Card: &everything}},
		"in place":       {chat.Event{Kind: chat.Click, Space: chat.Space{Direct: true}}, chat.Reply{Card: &everything}},
		"a dialog":       {chat.Event{Kind: chat.Command, Dialog: chat.Opens}, chat.Reply{Card: &everything}},
		"a dialog's end": {chat.Event{Kind: chat.Click, Dialog: chat.Sent}, chat.Reply{}},
		"a prompt":       {chat.Event{Kind: chat.Command}, chat.Reply{Connect: config.NewSecret("https://example.com/start?a=1&b=2")}},
	} {
		ours, err := app.Encode(chat.Classic, c.e, c.r)
		if err != nil {
			t.Fatal(err)
		}
		var google chatapi.Message
		decoder := json.NewDecoder(bytes.NewReader(ours))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&google); err != nil {
			t.Errorf("%s: Google's types do not know it: %v", name, err)
		}
		theirs, err := json.Marshal(&google)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plain(t, theirs), plain(t, ours)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func plain(t *testing.T, text []byte) (out map[string]any) {
	t.Helper()
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

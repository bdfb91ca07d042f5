package chat_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
)

func decodeClassic(t *testing.T, body string) chat.Event {
	t.Helper()
	e, err := chat.Decode(chat.Classic, []byte(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return e
}

const slashCommand = `{
  "type": "MESSAGE", "eventTime": "2026-11-22T10:00:00.5Z",
  "user": {"name": "users/1", "displayName": "Ada", "type": "HUMAN", "futureField": [1]},
  "space": {"name": "spaces/A", "spaceType": "SPACE", "singleUserBotDm": false},
  "message": {
    "name": "spaces/A/messages/m.m",
    "text": "/createspace Launch @Grace Hopper plan", "argumentText": " Launch @Grace Hopper plan",
    "slashCommand": {"commandId": %s},
    "annotations": [
      {"type": "SLASH_COMMAND", "startIndex": 0, "length": 12, "slashCommand": {"commandId": "5"}},
      {"type": "USER_MENTION",
        "userMention": {"user": {"name": "users/2", "displayName": "Grace Hopper", "type": "HUMAN"}}},
      {"type": "USER_MENTION", "userMention": {"user": {"name": "users/9", "displayName": "Deputy", "type": "BOT"}}}
    ]
  },
  "configCompleteRedirectUrl": "https://chat.google.com/api/bot_config_complete?token=x"
}`

func TestDecode_SlashCommand(t *testing.T) {
	for _, id := range []string{`"5"`, `5`, `5.0`, `null`} {
		e := decodeClassic(t, fmt.Sprintf(slashCommand, id))
		if e.Kind != chat.Command || e.Command != 5 || e.Args != "Launch plan" ||
			e.Message != "spaces/A/messages/m.m" || e.CompletionURL.Reveal() == "" || e.Person.Name != "users/1" ||
			e.Space != (chat.Space{Name: "spaces/A", Named: true}) || e.Text != "Launch <users/2> plan" ||
			!e.Time.Equal(time.Date(2026, 11, 22, 10, 0, 0, 5e8, time.UTC)) {
			t.Errorf("%s: got %+v", id, e)
		}
		if diff := cmp.Diff([]chat.Person{{Name: "users/2", DisplayName: "Grace Hopper"}}, e.Mentions); diff != "" {
			t.Errorf("%s: %s", id, diff)
		}
	}
}

func TestDecode_ClassicKinds(t *testing.T) {
	for body, want := range map[string]chat.Kind{
		`{"type":"MESSAGE","message":{"argumentText":"hello"}}`:                                     chat.Message,
		`{"type":"MESSAGE","appCommandMetadata":{"appCommandId":"3"}}`:                              chat.Command,
		`{"type":"APP_COMMAND","appCommandMetadata":{"appCommandId":101}}`:                          chat.Command,
		`{"type":"ADDED_TO_SPACE"}`:                                                                 chat.Added,
		`{"type":"ADDED_TO_SPACE","message":{"slashCommand":{"commandId":"5"}}}`:                    chat.Command,
		`{"type":"REMOVED_FROM_SPACE"}`:                                                             chat.Removed,
		`{"type":"CARD_CLICKED"}`:                                                                   chat.Click,
		`{"type":"WIDGET_UPDATED"}`:                                                                 chat.Unknown,
		`{"type":{"odd":1},"user":7,"space":null,"message":[]}`:                                     chat.Unknown,
		`{"type":"SOMETHING_NEW","message":[],"space":"x","common":{"parameters":[]},"action":"x"}`: chat.Unknown,
		`{"type":"MESSAGE","message":{"slashCommand":7},"appCommandMetadata":{"appCommandId":3}}`:   chat.Command,
		`{"type":"SOMETHING_NEW","appCommandMetadata":{"appCommandId":{"odd":1}}}`:                  chat.Unknown,
		`{"type":"CARD_CLICKED","appCommandMetadata":{"appCommandId":5}}`:                           chat.Click,
		`{"type":"MESSAGE","chat":{}}`:                                                              chat.Message,
		`{"chat":{"type":"APP_HOME"}}`:                                                              chat.Home,
		`{"chat":{"type":"SUBMIT_FORM"}}`:                                                           chat.Click,
		`{"chat":{"type":"SOMETHING_NEW"}}`:                                                         chat.Unknown,
		`{}`:                                                                                        chat.Unknown,
	} {
		e, err := chat.Decode(chat.Classic, []byte(body))
		if err != nil || e.Kind != want {
			t.Errorf("%s: got %v, %v, want %v", body, e.Kind, err, want)
		}
	}
}

func TestDecode_AddOnKinds(t *testing.T) {
	for payload, want := range map[string]chat.Kind{
		`"messagePayload":{"message":{"argumentText":"hello"}}`:                        chat.Message,
		`"appCommandPayload":{"appCommandMetadata":{"appCommandId":"5"},"message":{}}`: chat.Command,
		`"appCommandPayload":{"appCommandMetadata":{"appCommandId":101.0}}`:            chat.Command,
		`"addedToSpacePayload":{"space":{"name":"spaces/A"}}`:                          chat.Added,
		// A second event, with the message, follows this one.
		`"addedToSpacePayload":{"interactionAdd":true}`:                     chat.Adding,
		`"removedFromSpacePayload":{}`:                                      chat.Removed,
		`"buttonClickedPayload":{"message":{"name":"spaces/A/messages/m"}}`: chat.Click,
		`"widgetUpdatedPayload":{}`:                                         chat.Unknown,
		`"type":"APP_HOME"`:                                                 chat.Home,
		`"type":"SUBMIT_FORM"`:                                              chat.Click,
		`"somethingNewPayload":{"odd":[1]}`:                                 chat.Unknown,
		`"type":"SOMETHING_NEW"`:                                            chat.Unknown,
	} {
		body := `{"commonEventObject":{"parameters":{"value":"sealed"}},` +
			`"chat":{"user":{"name":"users/1"},"space":{"name":"spaces/A"},` + payload + `}}`
		e, err := chat.Decode(chat.AddOn, []byte(body))
		if err != nil || e.Kind != want || e.Person.Name != "users/1" || e.Space.Name != "spaces/A" {
			t.Errorf("%s: got %+v, %v, want %v", payload, e, err, want)
		}
		if (e.Value.Reveal() == "sealed") != (want == chat.Click) {
			t.Errorf("%s: the value of a click: %q", payload, e.Value.Reveal())
		}
		if onHomeTab := want == chat.Home || payload == `"type":"SUBMIT_FORM"`; e.OnHomeTab != onHomeTab {
			t.Errorf("%s: on the Home tab: %v", payload, e.OnHomeTab)
		}
	}
}

func TestDecode_AddOnCommandEqualsClassic(t *testing.T) {
	var classic map[string]json.RawMessage
	if err := json.Unmarshal(fmt.Appendf(nil, slashCommand, `"5"`), &classic); err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"chat":{"user":%s,"eventTime":%s,"appCommandPayload":{
		"space":%s,"message":%s,"configCompleteRedirectUri":%s,
		"appCommandMetadata":{"appCommandId":"5"}}}}`, classic["user"], classic["eventTime"],
		classic["space"], classic["message"], classic["configCompleteRedirectUrl"])
	got, err := chat.Decode(chat.AddOn, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(decodeClassic(t, fmt.Sprintf(slashCommand, `"5"`)), got); diff != "" {
		t.Error(diff)
	}
}

func TestDecode_WrongFormat(t *testing.T) {
	for body, format := range map[string]chat.Format{
		`{"chat":{"appCommandPayload":{}}}`:        chat.Classic,
		`{"type":"MESSAGE","message":{}}`:          chat.AddOn,
		`{"type":"MESSAGE","chat":{"xPayload":1}}`: chat.Classic,
	} {
		_, err := chat.Decode(format, []byte(body))
		if fault.KindOf(err) != fault.Unauthenticated || !strings.Contains(err.Error(), "does not match its sender") {
			t.Errorf("%s: got %v", body, err)
		}
	}
}

func TestDecode_NotAnObject(t *testing.T) {
	for _, body := range []string{"", "x", "[]", `"text"`, `{"type":`} {
		if _, err := chat.Decode(chat.Classic, []byte(body)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: got %v", body, err)
		}
	}
	for _, format := range []chat.Format{chat.Classic, chat.AddOn} { // one bad field doesn't lose an event
		if e, err := chat.Decode(format, []byte(`{"chat":7}`)); err != nil || e.Kind != chat.Unknown {
			t.Errorf("%v: %+v, %v", format, e, err)
		}
	}
}

func TestDecode_CommandID(t *testing.T) {
	for id, want := range map[string]int{
		`"x"`: 0, `-1`: 0, `0.5`: 0, `0`: 0, `1`: 1, `1e6`: 1_000_000, `1000001`: 0, `1e400`: 0, `"NaN"`: 0, `[5]`: 0,
	} {
		e := decodeClassic(t, `{"type":"APP_COMMAND","appCommandMetadata":{"appCommandId":`+id+`}}`)
		if e.Command != want {
			t.Errorf("%s: got %d, want %d", id, e.Command, want)
		}
	}
}

func TestDecode_WithoutType(t *testing.T) {
	if e := decodeClassic(t, `{"user":{"name":"users/1"}}`); e.Kind != chat.Unknown || e.Person.Name != "users/1" {
		t.Errorf("%+v", e)
	}
}

func TestDecode_NamedSpace(t *testing.T) {
	for space, want := range map[string]bool{
		`{"spaceType":"SPACE"}`:                                         true,
		`{"type":"ROOM","displayName":"Plan"}`:                          true,
		`{"type":"ROOM"}`:                                               false,
		`{"displayName":"Plan"}`:                                        false,
		`{"type":"DM","displayName":"Plan"}`:                            false,
		`{"spaceType":"GROUP_CHAT","type":"ROOM","displayName":"Plan"}`: false,
	} {
		if got := decodeClassic(t, `{"type":"MESSAGE","space":`+space+`}`).Space.Named; got != want {
			t.Errorf("%s: got %v, want %v", space, got, want)
		}
	}
}

// An app's message is replaced after a click; a person's is not.
func TestDecode_ClickedMessage(t *testing.T) {
	for sender, own := range map[string]bool{"BOT": true, "HUMAN": false} {
		message := `{"name":"spaces/A/messages/m","sender":{"type":"` + sender +
			`"},"thread":{"name":"spaces/A/threads/t"}}`
		classic := decodeClassic(t, `{"type":"CARD_CLICKED","message":`+message+`}`)
		addOn, err := chat.Decode(chat.AddOn, []byte(`{"chat":{"buttonClickedPayload":{"message":`+message+`}}}`))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range []chat.Event{classic, addOn} {
			if e.OwnMessage != own || e.Thread != "spaces/A/threads/t" || e.Message != "spaces/A/messages/m" {
				t.Errorf("%s: %+v", sender, e)
			}
		}
	}
}

func TestDecode_Mentions(t *testing.T) {
	mention := func(kind, name, user string) string {
		return `{"type":"` + kind + `","userMention":{"user":{"name":"` + name + `","displayName":"Ada","type":"` +
			user +
			`"}}}`
	}
	one := mention("USER_MENTION", "users/1", "HUMAN")
	for name, c := range map[string]struct {
		annotations, args, text string
		people                  int
	}{
		"mentioned once, typed twice": {one, "and @Ada", "<users/1> and @Ada", 1},
		"mentioned twice":             {one + "," + one, "and", "<users/1> and <users/1>", 2},
		"app":                         {mention("USER_MENTION", "users/1", "BOT"), "@Ada and @Ada", "@Ada and @Ada", 0},
		"without a resource name":     {mention("USER_MENTION", "", "HUMAN"), "@Ada and @Ada", "@Ada and @Ada", 0},
		"other annotation":            {mention("RICH_LINK", "users/1", "HUMAN"), "@Ada and @Ada", "@Ada and @Ada", 0},
	} {
		e := decodeClassic(t, `{"type":"MESSAGE","message":{"argumentText":" @Ada and @Ada","annotations":[`+
			c.annotations+`]}}`)
		if e.Args != c.args || e.Text != c.text || len(e.Mentions) != c.people {
			t.Errorf("%s: %q, %q, %v", name, e.Args, e.Text, e.Mentions)
		}
	}
}

func TestDecode_DirectMessage(t *testing.T) {
	for space, want := range map[string]bool{
		`{"singleUserBotDm":true}`:                   true,
		`{"singleUserBotDm":"true"}`:                 true,
		`{"type":"DM","spaceType":"DIRECT_MESSAGE"}`: true,
		// The direct message of two people, with the app as a member (chat/v1, Space.spaceType).
		`{"spaceType":"DIRECT_MESSAGE"}`:                         false,
		`{"spaceType":"DIRECT_MESSAGE","singleUserBotDm":false}`: false,
		`{"spaceType":"GROUP_CHAT","type":"ROOM"}`:               false,
		`{}`: false,
	} {
		if got := decodeClassic(t, `{"type":"MESSAGE","space":`+space+`}`).Space.Direct; got != want {
			t.Errorf("%s: got %v, want %v", space, got, want)
		}
	}
}

func TestDecode_MentionWithoutName(t *testing.T) {
	e := decodeClassic(t, `{"type":"MESSAGE","message":{"argumentText":" Plan for a@b.com @","annotations":[`+
		`{"type":"USER_MENTION","userMention":{"user":{"name":"users/2","type":"HUMAN"}}}]}}`)
	if e.Args != "Plan for a@b.com @" || e.Text != "Plan for a@b.com @" || len(e.Mentions) != 1 {
		t.Errorf("got %q, %q, %v", e.Args, e.Text, e.Mentions)
	}
}

func TestDecode_ClickValue(t *testing.T) {
	for _, body := range []string{
		`{"type":"CARD_CLICKED","common":{"parameters":{"value":"sealed"}}}`,
		`{"type":"CARD_CLICKED","action":{"parameters":[` +
			`{"key":"other","value":"x"},{"key":"value","value":"sealed"}]}}`,
	} {
		if got := decodeClassic(t, body).Value.Reveal(); got != "sealed" {
			t.Errorf("%s: got %q", body, got)
		}
	}
}

var app = chat.App{ProjectNumber: "1", Endpoint: "https://chat.example/"}

func encode(t *testing.T, format chat.Format, e chat.Event, r chat.Reply) string {
	t.Helper()
	body, err := app.Encode(format, e, r)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestEncode_Formats(t *testing.T) {
	card := &chat.Card{Title: "T", Sections: []chat.Section{{Widgets: []chat.Widget{
		{Text: "a <b> & c"},
		{Label: "L", Text: "x"},
		{Text: "y", SideButton: &chat.Button{Text: "B", Link: config.NewSecret("https://x.example")}},
		{Buttons: []chat.Button{{
			Text: "Ask", Value: config.NewSecret("s"), OpensDialog: true,
			Required: []string{"n"},
		}}},
		{Buttons: []chat.Button{
			{Text: "Open", Link: config.NewSecret("https://x.example/?a=1"), Primary: true},
			{Text: "Go", Value: config.NewSecret("sealed")},
		}},
	}}}}
	const message = `"cardsV2":[{"card":{"header":{"title":"T"},"sections":[{"widgets":[` +
		`{"textParagraph":{"text":"a \u0026lt;b\u0026gt; \u0026amp; c"}},` +
		`{"decoratedText":{"text":"x","topLabel":"L","wrapText":true}},` +
		`{"decoratedText":{"button":{"onClick":{"openLink":{"url":"https://x.example"}},"text":"B"},` +
		`"text":"y","wrapText":true}},` +
		`{"buttonList":{"buttons":[{"onClick":{"action":{"function":"clicked","interaction":"OPEN_DIALOG",` +
		`"loadIndicator":"SPINNER","parameters":[{"key":"value","value":"s"}],"requiredWidgets":["n"]}},` +
		`"text":"Ask"}]}},` +
		`{"buttonList":{"buttons":[` +
		`{"onClick":{"openLink":{"url":"https://x.example/?a=1"}},"text":"Open","type":"FILLED"},` +
		`{"onClick":{"action":{"function":"clicked","loadIndicator":"SPINNER",` +
		`"parameters":[{"key":"value","value":"sealed"}]}},"text":"Go"}]}}]}]},"cardId":"deputy"}],"fallbackText":"T"`
	inSpace := chat.Event{
		Kind:   chat.Command,
		Person: chat.Person{Name: "users/1"},
		Space:  chat.Space{Name: "spaces/A"},
	}
	direct, clicked := inSpace, inSpace
	direct.Space.Direct = true
	clicked.Kind = chat.Click
	preview := clicked // a card below a message that a person wrote
	clicked.OwnMessage = true
	const private = `,"privateMessageViewer":{"name":"users/1"}`
	addOn := strings.ReplaceAll(message, `"function":"clicked"`, `"function":"https://chat.example/"`)
	create := func(suffix string) string {
		return `{"hostAppDataAction":{"chatDataAction":{"createMessageAction":{"message":{` + addOn + suffix + `}}}}}`
	}
	for name, c := range map[string]struct {
		event          chat.Event
		reply          chat.Reply
		classic, addOn string
	}{
		"nothing": {inSpace, chat.Reply{}, `{}`, `{}`},
		"private in a space": {
			inSpace,
			chat.Reply{Card: card},
			`{"actionResponse":{"type":"NEW_MESSAGE"},` + message + private + `}`,
			create(private),
		},
		"direct message": {
			direct,
			chat.Reply{Card: card},
			`{"actionResponse":{"type":"NEW_MESSAGE"},` + message + `}`,
			create(""),
		},
		"click": {
			clicked,
			chat.Reply{Card: card},
			`{"actionResponse":{"type":"UPDATE_MESSAGE"},` + message + private + `}`,
			strings.Replace(create(private), "createMessageAction", "updateMessageAction", 1),
		},
		"click on a person's message": {
			preview,
			chat.Reply{Card: card},
			`{"actionResponse":{"type":"NEW_MESSAGE"},` + message + private + `}`,
			create(private),
		},
		"prompt": {
			direct,
			chat.Reply{ConnectURL: config.NewSecret("https://d.example/start")},
			`{"actionResponse":{"type":"REQUEST_CONFIG","url":"https://d.example/start"}}`,
			`{"basic_authorization_prompt":{"authorization_url":"https://d.example/start","resource":"Deputy"}}`,
		},
	} {
		if diff := cmp.Diff(c.classic, encode(t, chat.Classic, c.event, c.reply)); diff != "" {
			t.Errorf("%s, classic: %s", name, diff)
		}
		if diff := cmp.Diff(c.addOn, encode(t, chat.AddOn, c.event, c.reply)); diff != "" {
			t.Errorf("%s, add-on: %s", name, diff)
		}
	}
}

func TestCard_Size(t *testing.T) {
	card := &chat.Card{Title: "T", Sections: []chat.Section{{Widgets: []chat.Widget{
		{Buttons: []chat.Button{{Text: "Go", Value: config.NewSecret("sealed")}}}, {Text: "<é>"},
	}}}}
	body := encode(t, chat.Classic, chat.Event{Kind: chat.Home, OnHomeTab: true}, chat.Reply{Card: card})
	const around = `{"action":{"navigations":[{"pushCard":}]}}`
	if got, want := card.Size(), len(body)-len(around); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}

func TestEvent_SecretsAreRedacted(t *testing.T) {
	e := decodeClassic(t, strings.ReplaceAll(fmt.Sprintf(slashCommand, "5"), "token=x", "token=marked"))
	if text := fmt.Sprintf("%v %+v %#v", e, e, e); strings.Contains(text, "marked") {
		t.Errorf("got %s", text)
	}
}

// Chat shows a numeric entity as typed.
func TestEncode_EscapesOnlyMarkup(t *testing.T) {
	const text = `it's "x" & <y>`
	e := chat.Event{Kind: chat.Command, Space: chat.Space{Name: "spaces/A", Direct: true}}
	r := chat.Reply{Card: &chat.Card{Title: "T", Sections: []chat.Section{{Header: text, Widgets: []chat.Widget{
		{Text: text}, {Label: "L", Text: text}, {Field: &chat.Field{Kind: chat.Switch, Name: "s", Label: text}},
	}}}}}
	for _, format := range []chat.Format{chat.Classic, chat.AddOn} {
		var body any
		if err := json.Unmarshal([]byte(encode(t, format, e, r)), &body); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprint(body)
		if strings.Contains(text, "&#") || strings.Count(text, `it's "x" &amp; &lt;y&gt;`) != 4 {
			t.Errorf("%v: %s", format, text)
		}
	}
}

// A private command starts a thread that no one else sees.
func TestDecode_ReplyThread(t *testing.T) {
	for message, want := range map[string]string{
		`"name":"spaces/A/messages/m.m","thread":{"name":"spaces/A/threads/m"}`: "",
		`"name":"spaces/A/messages/t.m","thread":{"name":"spaces/A/threads/t"}`: "spaces/A/threads/t",
		`"threadReply":true,"name":"spaces/A/messages/m.m",` +
			`"thread":{"name":"spaces/A/threads/m"}`: "spaces/A/threads/m",
	} {
		body := `{"type":"MESSAGE","space":{"name":"spaces/A","spaceType":"SPACE"},` +
			`"message":{` + message + `,"slashCommand":{"commandId":8}}}`
		if got := decodeClassic(t, body).Thread; got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

// An add-on's Home tab event has no payload and no type.
func TestDecode_AddOnHomeTab(t *testing.T) {
	for event, want := range map[string]chat.Kind{
		`{"user":{"name":"users/1"},"eventTime":"2026-11-22T10:00:00Z"}`:                 chat.Home,
		`{"user":{"name":"users/1"},"somethingNewPayload":{}}`:                           chat.Unknown,
		`{"eventTime":"2026-11-22T10:00:00Z"}`:                                           chat.Unknown,
		`{"user":{"name":"users/1"},"messagePayload":{"message":{"argumentText":"hi"}}}`: chat.Message,
	} {
		body := `{"commonEventObject":{},"chat":` + event + `}`
		e, err := chat.Decode(chat.AddOn, []byte(body))
		if err != nil || e.Kind != want {
			t.Errorf("%s: %v, %v", body, e.Kind, err)
		}
	}
}

// A mention is found by its place, in UTF-16 units, else by a name that is a whole word.
func TestDecode_MentionPlaces(t *testing.T) {
	type mention struct {
		start, length int
		name          string
	}
	for name, c := range map[string]struct {
		text, arguments string
		mentions        []mention
		args, posted    string
	}{
		"place": {
			"/say mail to x@Grace Hopper and ask @Grace Hopper", " mail to x@Grace Hopper and ask @Grace Hopper",
			[]mention{{36, 13, "Grace Hopper"}},
			"mail to x@Grace Hopper and ask", "mail to x@Grace Hopper and ask <users/0>",
		},
		"no place": {
			"", " mail to x@Grace Hopper and ask @Grace Hopper",
			[]mention{{0, 0, "Grace Hopper"}},
			"mail to x@Grace Hopper and ask", "mail to x@Grace Hopper and ask <users/0>",
		},
		"prefix of a name": {
			"", " ask @Annabel, or @Ann.",
			[]mention{{0, 0, "Ann"}},
			"ask @Annabel, or .", "ask @Annabel, or <users/0>.",
		},
		"after an emoji": {
			"/say \U0001f600 @Ann hi", " \U0001f600 @Ann hi",
			[]mention{{8, 4, "Other"}},
			"\U0001f600 hi", "\U0001f600 <users/0> hi",
		},
		"no name": {"/say @Ann hi", " @Ann hi", []mention{{5, 4, ""}}, "hi", "<users/0> hi"},
		"two, in another order": {
			"/say @A and @B", " @A and @B", []mention{{12, 2, "B"}, {5, 2, "A"}}, "and", "<users/1> and <users/0>",
		},
		"twice the same place": {"/say @A", " @A", []mention{{5, 2, "A"}, {5, 2, "A"}}, "", "<users/0>"},
		"place outside":        {"/say hi @A", " hi @A", []mention{{80, 2, "A"}}, "hi", "hi <users/0>"},
		"place in the command": {"/say hi @A", " hi @A", []mention{{1, 2, "A"}}, "hi", "hi <users/0>"},
		"place of no mention":  {"/say hi @A", " hi @A", []mention{{5, 2, "A"}}, "hi", "hi <users/0>"},
		"other text":           {"something else", " hi @A", []mention{{5, 2, "A"}}, "hi", "hi <users/0>"},
		"nowhere":              {"/say hi", " hi", []mention{{0, 0, "A"}}, "hi", "hi"},
	} {
		var annotations []any
		for i, m := range c.mentions {
			user := map[string]any{"name": fmt.Sprintf("users/%d", i), "type": "HUMAN", "displayName": m.name}
			annotations = append(annotations, map[string]any{
				"type": "USER_MENTION", "startIndex": m.start, "length": m.length,
				"userMention": map[string]any{"user": user},
			})
		}
		body, err := json.Marshal(map[string]any{"type": "MESSAGE", "message": map[string]any{
			"text": c.text, "argumentText": c.arguments, "annotations": annotations,
		}})
		if err != nil {
			t.Fatal(err)
		}
		e := decodeClassic(t, string(body))
		if e.Args != c.args || e.Text != c.posted || len(e.Mentions) != len(c.mentions) {
			t.Errorf("%s: %q, %q, %v", name, e.Args, e.Text, e.Mentions)
		}
	}
}

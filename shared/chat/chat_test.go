package chat_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
)

func decode(t *testing.T, body string) chat.Event {
	t.Helper()
	e, err := chat.Decode(chat.Classic, []byte(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return e
}

const slash = `{
  "type": "MESSAGE", "eventTime": "2026-11-22T10:00:00.5Z",
  "user": {"name": "users/1", "displayName": "Ada", "type": "HUMAN", "futureField": [1]},
  "space": {"name": "spaces/A", "spaceType": "SPACE", "singleUserBotDm": false},
  "message": {
    "name": "spaces/A/messages/m.m", "text": "/createspace Launch @Grace Hopper plan", "argumentText": " Launch @Grace Hopper plan",
    "slashCommand": {"commandId": %s},
    "annotations": [
      {"type": "SLASH_COMMAND", "startIndex": 0, "length": 12, "slashCommand": {"commandId": "5"}},
      {"type": "USER_MENTION", "userMention": {"user": {"name": "users/2", "displayName": "Grace Hopper", "type": "HUMAN"}}},
      {"type": "USER_MENTION", "userMention": {"user": {"name": "users/9", "displayName": "Deputy", "type": "BOT"}}}
    ]
  },
  "configCompleteRedirectUrl": "https://chat.google.com/api/bot_config_complete?token=x"
}`

func TestASlashCommandIsReadHoweverGoogleWritesNumbers(t *testing.T) {
	for _, id := range []string{`"5"`, `5`, `5.0`, `null`} {
		e := decode(t, fmt.Sprintf(slash, id))
		if e.Kind != chat.Command || e.Command != 5 || e.Args != "Launch plan" || e.Message != "spaces/A/messages/m.m" ||
			e.Complete.Reveal() == "" || e.Space != (chat.Space{Name: "spaces/A"}) || e.Person.Name != "users/1" {
			t.Errorf("%s: got %+v", id, e)
		}
		if diff := cmp.Diff([]chat.Person{{Name: "users/2", DisplayName: "Grace Hopper"}}, e.Mentions); diff != "" {
			t.Errorf("%s: %s", id, diff)
		}
	}
}

func TestEachKindOfEventIsTold(t *testing.T) {
	for body, want := range map[string]chat.Kind{
		`{"type":"MESSAGE","message":{"argumentText":"hello"}}`:                               chat.Message,
		`{"type":"MESSAGE","appCommandMetadata":{"appCommandId":"3"}}`:                        chat.Command,
		`{"type":"APP_COMMAND","appCommandMetadata":{"appCommandId":101}}`:                    chat.Command,
		`{"type":"ADDED_TO_SPACE"}`:                                                           chat.Added,
		`{"type":"ADDED_TO_SPACE","message":{"slashCommand":{"commandId":"5"}}}`:              chat.Command,
		`{"type":"REMOVED_FROM_SPACE"}`:                                                       chat.Removed,
		`{"type":"CARD_CLICKED"}`:                                                             chat.Click,
		`{"type":"WIDGET_UPDATED"}`:                                                           chat.Unknown,
		`{"type":{"odd":1},"user":7,"space":null,"message":[]}`:                               "an error",
		`{"type":"SOMETHING_NEW","appCommandMetadata":{"appCommandId":{"odd":1}}}`:            chat.Unknown,
		`{"commonEventObject":{},"chat":{"messagePayload":{"message":{"text":"an add-on"}}}}`: chat.Unknown,
		`{}`: chat.Unknown,
	} {
		e, err := chat.Decode(chat.Classic, []byte(body))
		if want == "an error" {
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("%s: got %v", body, err)
			}
			continue
		}
		if err != nil || e.Kind != want {
			t.Errorf("%s: got %v, %v, want %v", body, e.Kind, err, want)
		}
	}
}

func TestABodyThatIsNoObjectIsInvalid(t *testing.T) {
	for _, body := range []string{"", "x", "[]", `"text"`, `{"type":`} {
		if _, err := chat.Decode(chat.Classic, []byte(body)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: got %v", body, err)
		}
	}
}

func TestTheDirectMessageWithTheAppIsKnownByAnyOfItsMarks(t *testing.T) {
	for space, want := range map[string]bool{
		`{"singleUserBotDm":true}`: true, `{"singleUserBotDm":"true"}`: true, `{"type":"DM"}`: true, `{"spaceType":"DIRECT_MESSAGE"}`: true,
		`{"spaceType":"GROUP_CHAT","type":"ROOM"}`: false, `{}`: false,
	} {
		if got := decode(t, `{"type":"MESSAGE","space":`+space+`}`).Space.Direct; got != want {
			t.Errorf("%s: got %v, want %v", space, got, want)
		}
	}
}

func TestTheValueOfAClickIsFoundInEitherPlace(t *testing.T) {
	for _, body := range []string{
		`{"type":"CARD_CLICKED","common":{"parameters":{"value":"sealed"}}}`,
		`{"type":"CARD_CLICKED","action":{"parameters":[{"key":"other","value":"x"},{"key":"value","value":"sealed"}]}}`,
	} {
		if got := decode(t, body).Value.Reveal(); got != "sealed" {
			t.Errorf("%s: got %q", body, got)
		}
	}
}

func encode(t *testing.T, e chat.Event, r chat.Reply) string {
	t.Helper()
	body, err := chat.Encode(chat.Classic, e, r)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestRepliesAreWhatClassicChatWants(t *testing.T) {
	card := &chat.Card{Title: "T", Sections: []chat.Section{{Widgets: []chat.Widget{
		{Text: "a <b> & c"},
		{Label: "L", Text: "x"},
		{Buttons: []chat.Button{{Text: "Open", Link: "https://x.example/?a=1", Strong: true}, {Text: "Go", Value: "sealed"}}},
	}}}}
	const shown = `"cardsV2":[{"card":{"header":{"title":"T"},"sections":[{"widgets":[{"textParagraph":{"text":"a \u0026lt;b\u0026gt; \u0026amp; c"}},` +
		`{"decoratedText":{"text":"x","topLabel":"L","wrapText":true}},` +
		`{"buttonList":{"buttons":[{"onClick":{"openLink":{"url":"https://x.example/?a=1"}},"text":"Open","type":"FILLED"},` +
		`{"onClick":{"action":{"function":"clicked","loadIndicator":"SPINNER","parameters":[{"key":"value","value":"sealed"}]}},"text":"Go"}]}}]}]},"cardId":"deputy"}],"fallbackText":"T"`
	inSpace := chat.Event{Kind: chat.Command, Person: chat.Person{Name: "users/1"}, Space: chat.Space{Name: "spaces/A"}}
	direct, clicked := inSpace, inSpace
	direct.Space.Direct = true
	clicked.Kind = chat.Click
	const private = `,"privateMessageViewer":{"name":"users/1"}`
	for name, c := range map[string]struct {
		event chat.Event
		reply chat.Reply
		want  string
	}{
		"nothing":               {inSpace, chat.Reply{}, `{}`},
		"private in a space":    {inSpace, chat.Reply{Card: card}, `{"actionResponse":{"type":"NEW_MESSAGE"},` + shown + private + `}`},
		"public":                {inSpace, chat.Reply{Card: card, Public: true}, `{"actionResponse":{"type":"NEW_MESSAGE"},` + shown + `}`},
		"in the direct message": {direct, chat.Reply{Card: card}, `{"actionResponse":{"type":"NEW_MESSAGE"},` + shown + `}`},
		"to a click":            {clicked, chat.Reply{Card: card}, `{"actionResponse":{"type":"UPDATE_MESSAGE"},` + shown + private + `}`},
		"the prompt":            {direct, chat.Reply{Connect: "https://d.example/start"}, `{"actionResponse":{"type":"REQUEST_CONFIG","url":"https://d.example/start"}}`},
	} {
		if diff := cmp.Diff(c.want, encode(t, c.event, c.reply)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestNoSecretOfAnEventPrints(t *testing.T) {
	e := decode(t, strings.ReplaceAll(fmt.Sprintf(slash, "5"), "token=x", "token=marked"))
	if text := fmt.Sprintf("%v %+v %#v", e, e, e); strings.Contains(text, "marked") {
		t.Errorf("got %s", text)
	}
}

package chat_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
)

// An event says one thing to every parser: no name twice, and none that only encoding/json takes for a known one.
// Names that Deputy doesn't know are allowed.
func TestAttack_EventNames(t *testing.T) {
	const classic = `{"type":"MESSAGE","user":{"name":"users/1"},"space":{"name":"spaces/A"},"message":{"text":"x"}`
	const addOn = `{"chat":{"user":{"name":"users/1"},"messagePayload":{"message":{"text":"x"}}}`
	for _, c := range []struct {
		format    chat.Format
		body      string
		malicious bool
	}{
		{chat.Classic, classic + `,"new":{"Type":1}}`, false},
		{chat.Classic, classic + `,"user":{"name":"users/2"}}`, true},
		{chat.Classic, classic + `,"USER":{"name":"users/2"}}`, true},
		{chat.Classic, classic + `,"u\u0073er":{"name":"users/2"}}`, true},
		{chat.Classic, strings.Replace(classic, `"users/1"`, `"users/1","Name":"users/2"`, 1) + "}", true},
		{chat.Classic, classic + `} {}`, true},
		{chat.Classic, classic + ",\"new\":\"\xff\"}", true},
		{chat.AddOn, addOn + `,"hostApp":"CHAT"}`, false},
		{chat.AddOn, addOn + `,"Chat":{}}`, true},
		{chat.AddOn, strings.Replace(addOn, `"messagePayload"`, `"MessagePayload":{},"messagePayload"`, 1) + "}", true},
		{chat.AddOn, strings.Replace(addOn, `"text":"x"`, `"text":"x","text":"y"`, 1) + "}", true},
	} {
		e, err := chat.Decode(c.format, []byte(c.body))
		refused := err != nil && fault.KindOf(err) == fault.Invalid
		if c.malicious != refused || !refused && e.Person.Name != "users/1" {
			t.Errorf("%s: %+v, %v", c.body, e.Person, err)
		}
	}
}

// A name of somebody else's neither turns the direction of a card's text, nor hides in it, nor becomes a link.
func TestAttack_CardText(t *testing.T) {
	const evil = `<a href="https://evil.example">Payroll</a>` + "\u202e\u2066\x1b\u0000"
	card := &chat.Card{Title: evil, Subtitle: evil, Sections: []chat.Section{
		{Header: evil, Widgets: []chat.Widget{{Text: evil}, {Label: evil, Text: evil}}},
	}}
	for _, format := range []chat.Format{chat.Classic, chat.AddOn} {
		body, err := app.Encode(format, chat.Event{Kind: chat.Command}, chat.Reply{Card: card})
		if err != nil {
			t.Fatal(err)
		}
		var text any
		if err := json.Unmarshal(body, &text); err != nil {
			t.Fatal(err)
		}
		shown := fmt.Sprint(text)
		if strings.ContainsAny(shown, "\u202e\u2066\x1b\u0000") || strings.Count(shown, "<a href") > 4 {
			t.Errorf("%v: %q", format, shown) // titles and labels are no HTML
		}
	}
}

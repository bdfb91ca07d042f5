package chat_test

import (
	"fmt"
	"testing"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
)

// Compare the results with benchstat: see docs/performance.md.

func BenchmarkDecode(b *testing.B) {
	body := fmt.Appendf(nil, slashCommand, `"5"`)
	b.ReportAllocs()
	for b.Loop() {
		if e, err := chat.Decode(chat.Classic, body); err != nil || e.Command != 5 {
			b.Fatal(e, err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	app, e := chat.App{ProjectNumber: "1"}, chat.Event{Kind: chat.Command, Space: chat.Space{Direct: true}}
	r := chat.Reply{Card: &chat.Card{Title: "Space created", Sections: []chat.Section{{Widgets: []chat.Widget{
		{Label: "Space", Text: "Launch plan"},
		{Buttons: []chat.Button{
			{Text: "Open", Link: config.NewSecret("https://example.com"), Primary: true},
			{Text: "Rename", Value: config.NewSecret("sealed"), OpensDialog: true},
		}},
	}}}}}
	b.ReportAllocs()
	for b.Loop() {
		if body, err := app.Encode(chat.Classic, e, r); err != nil || len(body) < 100 {
			b.Fatal(string(body), err)
		}
	}
}

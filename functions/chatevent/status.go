package chatevent

import (
	"context"
	"strings"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/userauth"
)

// status shows a person's connection; nobody has to be connected for it.
func status(ctx context.Context, f function, e chat.Event, _ invocation) (chat.Reply, error) {
	c, err := f.Auth.Connection(ctx, e.Person.Name)
	if err != nil {
		return chat.Reply{}, err
	}
	if c.Connected {
		return connectedCard(words.yourConnection, c), nil
	}
	link, err := f.Auth.Invite(ctx, e.Person.Name, "", userauth.CreateSpaces)
	if err != nil {
		return chat.Reply{}, err
	}
	return chat.Reply{Card: &chat.Card{
		Title: words.notConnected,
		Sections: []chat.Section{{Widgets: []chat.Widget{
			{Text: words.notConnectedText},
			{Buttons: []chat.Button{{Text: words.connect, Link: link, Strong: true}}},
		}}},
	}}, nil
}

func connectedCard(title string, c userauth.Connection) chat.Reply {
	may := make([]string, len(c.Capabilities))
	for i, capability := range c.Capabilities {
		may[i] = words.capability[capability]
	}
	if len(may) == 0 {
		may = []string{words.nothing}
	}
	return chat.Reply{Card: &chat.Card{
		Title: title,
		Sections: []chat.Section{{Widgets: []chat.Widget{
			{Label: words.account, Text: c.Email},
			{Label: words.mayDo, Text: strings.Join(may, ", ")},
			{Label: words.since, Text: c.Since.UTC().Format("2 January 2006, 15:04 MST")},
			{Text: words.howToEnd},
		}}},
	}}
}

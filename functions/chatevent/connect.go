package chatevent

import (
	"context"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/words"
)

// connect asks for consent, or shows the connection if the person has consented. Chat runs it again after the consent.
func connect(ctx context.Context, f function, e chat.Event, _ invocation) (chat.Reply, error) {
	if _, err := f.Grants.TokenSource(ctx, e.Person.Name, capability.CreateSpaces); err != nil {
		return chat.Reply{}, err
	}
	c, err := f.Grants.Connection(ctx, e.Person.Name)
	if err != nil {
		return chat.Reply{}, err
	}
	v := f.newView(e)
	v.addConnected(ctx, c)
	return v.reply(words.ConnectDone)
}

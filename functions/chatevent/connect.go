package chatevent

import (
	"context"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/words"
)

// connect asks for consent, or shows the connection if the person has consented. Chat runs it again after the consent.
func connect(ctx context.Context, v *view, _ invocation) (chat.Reply, error) {
	if _, err := v.Grants.TokenSource(ctx, v.event.Person.Name, capability.CreateSpaces); err != nil {
		return chat.Reply{}, err
	}
	c, err := v.Grants.Connection(ctx, v.event.Person.Name)
	if err != nil {
		return chat.Reply{}, err
	}
	v.addConnected(ctx, c)
	return v.reply(words.ConnectDone)
}

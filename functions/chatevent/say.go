package chatevent

import (
	"context"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/words"
)

// postMessage posts a message as the person, in the thread of the command.
func postMessage(ctx context.Context, v *view, i invocation) (chat.Reply, error) {
	switch {
	case v.event.Space.Direct:
		return chat.Reply{}, fault.New(fault.Invalid, words.SayWhere)
	case i.Args == "":
		return chat.Reply{}, fault.New(fault.Invalid, words.SayWhat)
	}
	message := spaces.Message{Space: v.event.Space.Name, Thread: i.Thread, Text: i.Args, Markup: i.Markup}
	if _, err := v.Operations.CreateMessage(ctx, operations.Self(v.event.Person.Name, i.Key), message); err != nil {
		return chat.Reply{}, err
	}
	return v.postedReply()
}

// postedReply is the reply after a message was posted. Only the person sees it. Without a reply, Chat may say that the
// app is not responding.
func (v *view) postedReply() (chat.Reply, error) {
	v.text(words.SayText)
	return v.reply(words.SayTitle)
}

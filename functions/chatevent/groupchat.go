package chatevent

import (
	"context"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/words"
)

// groupChat finds or starts the group conversation with these people.
func groupChat(ctx context.Context, v *view, i invocation) (chat.Reply, error) {
	members, err := i.members()
	if err != nil {
		return chat.Reply{}, err
	}
	self, request := operations.Self(v.event.Person.Name, i.Key), operations.NewConversation{Members: members}
	group, err := v.Operations.CreateConversation(ctx, self, request)
	if err != nil {
		return chat.Reply{}, err
	}
	title := words.GroupTitle
	v.addOutcome(ctx, group.Outcome, true)
	if len(group.Outcome.LeftOut) > 0 {
		title = words.GroupPartialTitle
	}
	if group.Reused {
		v.text(words.GroupFound)
	}
	v.row(chat.Button{Text: v.say(words.ButtonOpen), Link: config.NewSecret(group.Address), Primary: true})
	return v.reply(title)
}

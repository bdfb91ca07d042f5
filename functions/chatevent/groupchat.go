package chatevent

import (
	"context"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/words"
)

// groupChat finds or starts the group conversation with these people.
func groupChat(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	members, err := i.members()
	if err != nil {
		return chat.Reply{}, err
	}
	self, request := operations.Self(e.Person.Name, i.Key), operations.NewConversation{Members: members}
	group, err := f.Operations.CreateConversation(ctx, self, request)
	if err != nil {
		return chat.Reply{}, err
	}
	outcome := group.Outcome
	say, title := i18n.In(e.Locale), words.GroupTitle
	widgets := f.outcomeWidgets(ctx, e, outcome, true)
	if len(outcome.LeftOut) > 0 {
		title = words.GroupPartialTitle
	}
	if group.Reused {
		widgets = append(widgets, chat.Widget{Text: say(words.GroupFound)})
	}
	open := chat.Button{Text: say(words.ButtonOpen), Link: config.NewSecret(group.Address), Primary: true}
	return cardReply(say(title), append(widgets, buttons(open))...), nil
}

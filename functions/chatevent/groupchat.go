package chatevent

import (
	"context"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/words"
)

// groupChat begins a group conversation, or finds the one there is.
func groupChat(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	members, err := i.people()
	if err != nil {
		return chat.Reply{}, err
	}
	made, err := f.Operations.CreateConversation(ctx, operations.Self(e.Person.Name, i.Source), operations.NewConversation{Members: members})
	if err != nil {
		return chat.Reply{}, err
	}
	group := made.Outcome
	say, title := i18n.In(e.Locale), words.GroupTitle
	widgets := append(people(say, group.Joined, group.Invited), f.leftOut(ctx, e, true, group.LeftOut)...)
	switch {
	case len(group.LeftOut) > 0:
		title = words.GroupPartialTitle
	case group.Unchecked:
		widgets = append(widgets, chat.Widget{Text: say(words.CreatedUnchecked)})
	}
	if made.Reused {
		widgets = append(widgets, chat.Widget{Text: say(words.GroupFound)})
	}
	open := chat.Button{Text: say(words.ButtonOpen), Link: config.NewSecret(made.Address), Strong: true}
	return card(say(title), append(widgets, buttons(open))...), nil
}

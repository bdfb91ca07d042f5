package chatevent

import (
	"context"
	"log/slog"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/words"
)

// groupChat begins a group conversation, or finds the one there is.
func groupChat(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	members, err := i.people()
	if err != nil {
		return chat.Reply{}, err
	}
	group, err := f.Spaces.GroupChat(ctx, e.Person.Name, i.Source, members)
	if err != nil {
		return chat.Reply{}, err
	}
	f.Log.InfoContext(ctx, "audit", slog.String("act", "groupchat"), slog.String("authority", "user"), slog.String("made", group.Name), slog.Bool("found", group.Found))
	say, title := words.In(e.Locale), words.GroupMade
	widgets := append(people(say, group.Joined, group.Invited), f.leftOut(ctx, e, true, group.LeftOut)...)
	switch {
	case len(group.LeftOut) > 0:
		title = words.GroupPartly
	case group.Unchecked:
		widgets = append(widgets, chat.Widget{Text: say(words.Unchecked)})
	}
	if group.Found {
		widgets = append(widgets, chat.Widget{Text: say(words.GroupFound)})
	}
	open := chat.Button{Text: say(words.Open), Link: config.NewSecret(group.Address), Strong: true}
	return card(say(title), append(widgets, buttons(open))...), nil
}

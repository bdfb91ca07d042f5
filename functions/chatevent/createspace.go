package chatevent

import (
	"context"
	"log/slog"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/words"
)

// createSpace makes a space as the person: the words are its name, the people
// mentioned its members.
func createSpace(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	if i.Args == "" {
		return chat.Reply{}, fault.New(fault.Invalid, words.NameMissing)
	}
	r := spaces.Request{DisplayName: i.Args}
	for _, m := range i.Mentions {
		r.Members = append(r.Members, spaces.Member{User: m.Name, Label: m.DisplayName})
	}
	made, err := f.Spaces.Create(ctx, e.Person.Name, i.Source, r)
	if err != nil {
		return chat.Reply{}, err
	}
	f.Log.InfoContext(ctx, "audit", slog.String("act", "createspace"), slog.String("authority", "user"),
		slog.String("made", made.Name), slog.String("request", made.RequestID))
	say := words.In(e.Locale)
	open := []chat.Button{{Text: say(words.Open), Link: config.Secret(made.Address), Strong: true}}
	if made.NotAllowed {
		allow, err := f.allow(ctx, say(words.AllowIt), e, userauth.CreateSpaces, userauth.ReadMembers)
		if err != nil {
			return chat.Reply{}, err
		}
		open = append(open, allow)
	}
	return createdCard(say, made, open...), nil
}

func createdCard(say words.Say, made spaces.Created, row ...chat.Button) chat.Reply {
	widgets := people(say, made.Joined, made.Invited, made.LeftOut)
	if len(made.LeftOut) > 0 {
		widgets = append(widgets, chat.Widget{Text: say(words.LeftOutWhy)})
	}
	switch {
	case made.NotAllowed:
		widgets = append(widgets, chat.Widget{Text: say(words.NotAllowed)})
	case made.Unchecked:
		widgets = append(widgets, chat.Widget{Text: say(words.Unchecked)})
	}
	reply := card(say(words.SpaceCreated), append(widgets, buttons(row...))...)
	reply.Card.Subtitle = made.DisplayName
	return reply
}

package chatevent

import (
	"context"
	"log/slog"
	"regexp"
	"strconv"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/logging"
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
	if err != nil && fault.KindOf(err) == fault.Conflict {
		return f.offerAnotherName(ctx, e, i, err)
	}
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

// offerAnotherName is the answer when the name is taken: a button that makes
// the same space under the next name.
func (f function) offerAnotherName(ctx context.Context, e chat.Event, i invocation, taken error) (chat.Reply, error) {
	say := words.In(e.Locale)
	next := i
	next.Args = nextName(i.Args)
	instead, err := f.button(say(words.CreateInstead, next.Args), runAgain, e, next)
	if err != nil {
		return chat.Reply{}, err
	}
	logging.Note(ctx, slog.String("conflict", "displayName"))
	return card(say(words.Failed), chat.Widget{Text: fault.Public(say, taken, logging.Reference(ctx))}, buttons(instead)), nil
}

var numbered = regexp.MustCompile(`^(.*) (\d{1,3})$`)

// nextName is the name with the next number behind it, kept within Chat's limit
// for a name.
func nextName(name string) string {
	n := 2
	if m := numbered.FindStringSubmatch(name); m != nil {
		last, _ := strconv.Atoi(m[2]) // digits: never fails
		name, n = m[1], last+1
	}
	suffix := " " + strconv.Itoa(n)
	runes := []rune(name)
	return string(runes[:min(len(runes), spaces.MaxName-len(suffix))]) + suffix
}

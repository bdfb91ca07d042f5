package chatevent

import (
	"context"
	"log/slog"
	"net/mail"
	"strings"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/words"
)

// invite adds people to the space or group conversation it is typed in.
func invite(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	members := i.people()
	switch {
	case e.Space.Direct:
		return chat.Reply{}, fault.New(fault.Invalid, words.InviteWhere)
	case len(members) == 0:
		return chat.Reply{}, fault.New(fault.Invalid, words.InviteWhom)
	}
	added, err := f.Spaces.Invite(ctx, e.Person.Name, e.Space.Name, members)
	if err != nil {
		return chat.Reply{}, err
	}
	f.Log.InfoContext(ctx, "audit", slog.String("act", "invite"), slog.String("authority", "user"), slog.String("in", e.Space.Name),
		slog.Int("joined", len(added.Joined)), slog.Int("invited", len(added.Invited)), slog.Int("failed", len(added.Failed)))
	say := words.In(e.Locale)
	widgets := people(say, added.Joined, added.Invited, added.Failed)
	if added.Why != nil {
		widgets = append(widgets, chat.Widget{Text: fault.Public(say, added.Why, "")})
	}
	return card(say(words.InviteDone), widgets...), nil
}

// people are rows of names by what came of them.
func people(say words.Say, joined, invited, leftOut []spaces.Member) []chat.Widget {
	var out []chat.Widget
	for _, row := range []struct {
		label   words.Text
		members []spaces.Member
	}{{words.Joined, joined}, {words.Invited, invited}, {words.LeftOut, leftOut}} {
		if len(row.members) > 0 {
			out = append(out, chat.Widget{Label: say(row.label), Text: names(row.members)})
		}
	}
	return out
}

func names(members []spaces.Member) string {
	out := make([]string, len(members))
	for i, m := range members {
		out[i] = m.Label
	}
	return strings.Join(out, ", ")
}

// people are those an invocation mentions, and the e-mail addresses in its
// words.
func (i invocation) people() []spaces.Member {
	var out []spaces.Member
	for _, m := range i.Mentions {
		out = append(out, spaces.Member{User: m.Name, Label: m.DisplayName})
	}
	for word := range strings.FieldsFuncSeq(i.Args, func(r rune) bool { return r == ' ' || r == ',' || r == ';' }) {
		if a, err := mail.ParseAddress(word); err == nil && a.Address == word && !strings.ContainsAny(word, "/?#%\"") {
			out = append(out, spaces.Member{User: "users/" + strings.ToLower(word), Label: word})
		}
	}
	return out
}

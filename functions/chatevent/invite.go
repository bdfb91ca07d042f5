package chatevent

import (
	"context"
	"errors"
	"net/mail"
	"regexp"
	"strings"
	"unicode"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/words"
)

// invite adds people to the space or group conversation it is typed in.
func invite(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	members, err := i.people()
	switch {
	case e.Space.Direct:
		return chat.Reply{}, fault.New(fault.Invalid, words.InviteWhere)
	case err != nil:
		return chat.Reply{}, err
	case len(members) == 0:
		return chat.Reply{}, fault.New(fault.Invalid, words.InviteWho)
	case len(members) > spaces.MaxMembers:
		return chat.Reply{}, fault.New(fault.Invalid, words.InviteTooMany, len(members), spaces.MaxMembers)
	}
	done, err := f.Operations.AddMembers(ctx, operations.Self(e.Person.Name, i.Source), operations.NewMembers{Space: e.Space.Name, Members: members})
	if err != nil {
		return chat.Reply{}, err
	}
	added := done.Added
	say := i18n.In(e.Locale)
	widgets := people(say, added.Joined, added.Invited)
	if len(added.Failed) == 0 {
		return card(say(words.InviteTitle), widgets...), nil
	}
	// Each reason with its people.
	var reasons []string
	by, passing := map[string][]spaces.Member{}, false
	for _, m := range added.Failed {
		why := fault.Public(say, m.Why, logging.Reference(ctx))
		if by[why] == nil {
			reasons = append(reasons, why)
		}
		by[why] = append(by[why], m.Member)
		passing = passing || fault.Passes(m.Why)
	}
	for _, why := range reasons {
		widgets = append(widgets, chat.Widget{Label: say(words.CreatedLeftOut), Text: names(say, by[why])}, chat.Widget{Text: why})
	}
	if passing { // adding those who are in again does nothing
		again, err := f.repeat(words.ButtonTryAgain, e, attempt{runAgain, i})
		if err != nil {
			return chat.Reply{}, err
		}
		widgets = append(widgets, row(again)...)
	}
	return card(say(words.InvitePartialTitle), widgets...), nil
}

// people are rows of names by what came of them.
func people(say i18n.Say, joined, invited []spaces.Member) []chat.Widget {
	var out []chat.Widget
	for _, row := range []struct {
		label   i18n.Text
		members []spaces.Member
	}{{words.CreatedJoined, joined}, {words.CreatedInvited, invited}} {
		if len(row.members) > 0 {
			out = append(out, chat.Widget{Label: say(row.label), Text: names(say, row.members)})
		}
	}
	return out
}

// names are those of members, and how many have none that is known.
func names(say i18n.Say, members []spaces.Member) string {
	var out []string
	unknown := 0
	for _, m := range members {
		if m.Label == "" {
			unknown++
		} else {
			out = append(out, m.Label)
		}
	}
	if unknown > 0 {
		out = append(out, say(words.CreatedUnnamed, unknown))
	}
	return strings.Join(out, ", ")
}

// people are those an invocation mentions, and the e-mail addresses and groups
// in its words.
func (i invocation) people() ([]spaces.Member, error) {
	others, err := named(i.Args)
	return append(mentioned(i), others...), err
}

func mentioned(i invocation) []spaces.Member {
	var out []spaces.Member
	for _, m := range i.Mentions {
		out = append(out, spaces.Member{User: string(m.Name), Label: m.DisplayName})
	}
	return out
}

var groupName = regexp.MustCompile(`^groups/[A-Za-z0-9_-]{1,64}$`)

// named are the e-mail addresses and groups/{id} in a text; Invalid for any
// other word, so that nobody is silently left out.
func named(text string) ([]spaces.Member, error) {
	var out []spaces.Member
	for _, word := range apart(text) {
		a, err := mail.ParseAddress(word)
		switch {
		case err == nil && a.Address == word && plain(word):
			out = append(out, spaces.Member{User: "users/" + address.Lower(word), Label: word})
		case groupName.MatchString(word):
			out = append(out, spaces.Member{User: word, Label: word})
		default:
			return nil, &fault.Error{Op: "chatevent.named", Kind: fault.Invalid, Public: words.ErrorNotAPerson, Args: []any{short(word)}, Err: errors.New("neither an e-mail address nor a group")}
		}
	}
	return out, nil
}

// apart are the words of a list of people.
func apart(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;，；、", r) })
}

// plain tells that an address can stand in a resource name.
func plain(address string) bool {
	return !strings.ContainsFunc(address, func(r rune) bool { return r > unicode.MaxASCII || strings.ContainsRune(`/?#%"`, r) })
}

// short is a word as far as an answer can quote it.
func short(word string) string {
	const most = 60
	if runes := []rune(word); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return word
}

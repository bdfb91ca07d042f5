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

// invite adds people to the space or group conversation where the person typed the command.
func invite(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	members, err := i.members()
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
	request := operations.NewMembers{Space: e.Space.Name, Members: members}
	result, err := f.Operations.AddMembers(ctx, operations.Self(e.Person.Name, i.Key), request)
	if err != nil {
		return chat.Reply{}, err
	}
	added := result.Added
	say := i18n.In(e.Locale)
	widgets := memberWidgets(say, added.Joined, added.Invited)
	if len(added.Failed) == 0 {
		return cardReply(say(words.InviteTitle), widgets...), nil
	}
	var reasons []string // in the order of their first member
	byReason, canRetry := map[string][]spaces.Member{}, false
	for _, m := range added.Failed {
		reason := fault.Public(say, m.Err, logging.Reference(ctx))
		if byReason[reason] == nil {
			reasons = append(reasons, reason)
		}
		byReason[reason] = append(byReason[reason], m.Member)
		canRetry = canRetry || fault.IsTransient(m.Err)
	}
	for _, reason := range reasons {
		widgets = append(widgets,
			chat.Widget{Label: say(words.CreatedLeftOut), Text: memberNames(say, byReason[reason])})
		widgets = append(widgets, chat.Widget{Text: reason})
	}
	if canRetry { // adding a member again does nothing
		retry, err := f.retryButtons(words.ButtonTryAgain, e, attempt{runButton, i})
		if err != nil {
			return chat.Reply{}, err
		}
		widgets = append(widgets, optionalRow(retry)...)
	}
	return cardReply(say(words.InvitePartialTitle), widgets...), nil
}

func memberWidgets(say i18n.Say, joined, invited []spaces.Member) []chat.Widget {
	var out []chat.Widget
	for _, row := range []struct {
		label   i18n.Text
		members []spaces.Member
	}{{words.CreatedJoined, joined}, {words.CreatedInvited, invited}} {
		if len(row.members) > 0 {
			out = append(out, chat.Widget{Label: say(row.label), Text: memberNames(say, row.members)})
		}
	}
	return out
}

// memberNames joins the names of members, and counts the members whose name is unknown.
func memberNames(say i18n.Say, members []spaces.Member) string {
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

// members returns the mentioned people, and the email addresses and groups in the text.
func (i invocation) members() ([]spaces.Member, error) {
	members, err := parseMembers(i.Args)
	return append(mentionedMembers(i), members...), err
}

func mentionedMembers(i invocation) []spaces.Member {
	var out []spaces.Member
	for _, m := range i.Mentions {
		out = append(out, spaces.Member{User: string(m.Name), Label: m.DisplayName})
	}
	return out
}

var groupName = regexp.MustCompile(`^groups/[A-Za-z0-9_-]{1,64}$`)

// parseMembers parses a list of email addresses and groups/{id}. It fails with Invalid for any other word, so that no
// member is silently left out.
func parseMembers(text string) ([]spaces.Member, error) {
	var out []spaces.Member
	for _, word := range splitList(text) {
		a, err := mail.ParseAddress(word)
		switch {
		case err == nil && a.Address == word && isPlain(word):
			out = append(out, spaces.Member{User: "users/" + address.Lower(word), Label: word})
		case groupName.MatchString(word):
			out = append(out, spaces.Member{User: word, Label: word})
		default:
			return nil, &fault.Error{
				Op: "chatevent.parseMembers", Kind: fault.Invalid, Public: words.ErrorNotAPerson,
				Args: []any{truncate(word)}, Err: errors.New("neither an email address nor a group"),
			}
		}
	}
	return out, nil
}

func splitList(text string) []string {
	isSeparator := func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;，；、", r) }
	return strings.FieldsFunc(text, isSeparator)
}

// isPlain reports whether an address needs no escaping in a resource name.
func isPlain(address string) bool {
	isSpecial := func(r rune) bool { return r > unicode.MaxASCII || strings.ContainsRune(`/?#%"`, r) }
	return !strings.ContainsFunc(address, isSpecial)
}

func truncate(word string) string {
	const limit = 60
	if runes := []rune(word); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return word
}

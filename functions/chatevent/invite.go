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
	added, title := result.Added, words.InviteTitle
	widgets := f.outcomeWidgets(ctx, e, added, true)
	if len(added.Failed)+len(added.Pending)+len(added.LeftOut) > 0 {
		title = words.InvitePartialTitle
	}
	if left, _ := remaining(added); len(left) > 0 {
		i.Args, i.Mentions = "", left
		retry, err := f.retryButtons(words.ButtonTryAgain, e, attempt{runButton, i})
		if err != nil {
			return chat.Reply{}, err
		}
		widgets = append(widgets, optionalRow(retry)...)
	}
	return cardReply(i18n.In(e.Locale)(title), widgets...), nil
}

// members returns the mentioned people, and the email addresses and groups in the text.
func (i invocation) members() ([]spaces.Member, error) {
	members, err := parseMembers(i.Args)
	return append(membersFrom(i.Mentions), members...), err
}

func membersFrom(people []chat.Person) []spaces.Member {
	var out []spaces.Member
	for _, m := range people {
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

package chatevent

import (
	"context"
	"errors"
	"slices"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/words"
)

// invite adds people to the space or group conversation where the person typed the command.
func invite(ctx context.Context, v *view, i invocation) (chat.Reply, error) {
	members, err := i.members()
	switch {
	case v.event.Space.Direct:
		return chat.Reply{}, fault.New(fault.Invalid, words.InviteWhere)
	case err != nil:
		return chat.Reply{}, err
	case len(members) == 0:
		return chat.Reply{}, fault.New(fault.Invalid, words.InviteWho)
	case len(members) > spaces.MaxMembers:
		return chat.Reply{}, fault.New(fault.Invalid, words.InviteTooMany, len(members), spaces.MaxMembers)
	}
	request := operations.NewMembers{Space: v.event.Space.Name, Members: members}
	result, err := v.Operations.AddMembers(ctx, operations.Self(v.event.Person.Name, i.Key), request)
	if err != nil {
		return chat.Reply{}, err
	}
	added, title := result.Added, words.InviteTitle
	v.addOutcome(ctx, added, true)
	if len(added.Failed)+len(added.Pending)+len(added.LeftOut) > 0 {
		title = words.InvitePartialTitle
	}
	if left, _ := remaining(added); len(left) > 0 {
		i.Args, i.Mentions = "", left
		v.row(v.retryButtons(words.ButtonTryAgain, attempt{runButton, i})...)
	}
	return v.reply(title)
}

// members returns the mentioned people, and the email addresses and groups in the text.
func (i invocation) members() ([]spaces.Member, error) {
	members, err := parseMembers(i.Args)
	members = slices.DeleteFunc(members, func(m spaces.Member) bool { // also mentioned
		return slices.ContainsFunc(i.Mentions, func(p chat.Person) bool { return m.User == "users/"+p.Email })
	})
	return append(membersFrom(i.Mentions), members...), err
}

func membersFrom(people []chat.Person) []spaces.Member {
	var out []spaces.Member
	for _, m := range people {
		out = append(out, spaces.Member{User: string(m.Name), Label: m.DisplayName})
	}
	return out
}

// parseMembers parses a list of people and groups. It fails with Invalid for any other word, so that no member is
// silently left out.
func parseMembers(list string) ([]spaces.Member, error) {
	var out []spaces.Member
	for _, entry := range address.Split(list) {
		name, ok := resource.ParseMember(entry)
		if !ok {
			return nil, &fault.Error{
				Op: "chatevent.parseMembers", Kind: fault.Invalid, Public: words.ErrorNotAPerson,
				Args: []any{truncate(entry)}, Err: errors.New("neither an email address nor a group"),
			}
		}
		out = append(out, spaces.Member{User: name, Label: resource.MemberLabel(name)})
	}
	return out, nil
}

func truncate(word string) string {
	const limit = 60
	if runes := []rune(word); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return word
}

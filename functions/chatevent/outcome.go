package chatevent

import (
	"context"
	"strings"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/words"
)

// outcomeWidgets shows what became of requested members. external says whether the space allows outsiders.
func (f function) outcomeWidgets(ctx context.Context, e chat.Event, o spaces.Outcome, external bool) []chat.Widget {
	say := i18n.In(e.Locale)
	out := memberWidgets(say, o.Joined, o.Invited)
	out = append(out, f.leftOut(ctx, e, external, o.LeftOut)...)
	out = append(out, failedWidgets(ctx, say, words.CreatedLeftOut, o.Failed)...)
	if len(o.Pending) > 0 {
		out = append(out, chat.Widget{Label: say(words.CreatedPending), Text: memberNames(say, o.Pending)})
	}
	if o.ListDeclined {
		return append(out, chat.Widget{Text: say(words.CreatedNotAllowed)})
	}
	return append(out, failedWidgets(ctx, say, words.CreatedUnchecked, o.Unchecked)...)
}

// failedWidgets lists members by the reason why Google refused a call about them, in the order of their first member.
func failedWidgets(ctx context.Context, say i18n.Say, label i18n.Text, members []spaces.FailedMember) []chat.Widget {
	var reasons []string
	byReason := map[string][]spaces.Member{}
	for _, m := range members {
		reason := fault.Public(say, m.Err, logging.Reference(ctx))
		if _, ok := capability.AsConsentError(m.Err); ok {
			reason = say(words.CreatedNotAllowedYet)
		}
		if byReason[reason] == nil {
			reasons = append(reasons, reason)
		}
		byReason[reason] = append(byReason[reason], m.Member)
	}
	var out []chat.Widget
	for _, reason := range reasons {
		out = append(out, chat.Widget{Label: say(label), Text: memberNames(say, byReason[reason])},
			chat.Widget{Text: reason})
	}
	return out
}

// leftOut lists the people whom Google did not add, grouped by the likely reason.
func (f function) leftOut(ctx context.Context, e chat.Event, external bool, members []spaces.Member) []chat.Widget {
	if len(members) == 0 {
		return nil
	}
	domain := ""
	if c, err := f.Grants.Connection(ctx, e.Person.Name); err == nil {
		_, domain, _ = strings.Cut(c.Email, "@")
	}
	failed := make([]spaces.FailedMember, len(members))
	for i, m := range members {
		failed[i] = spaces.FailedMember{
			Member: m,
			Err:    fault.New(fault.Denied, spaces.LikelyReason(m, domain, external)),
		}
	}
	return failedWidgets(ctx, i18n.In(e.Locale), words.CreatedLeftOut, failed)
}

// remaining returns the members whom another attempt may add, and those whom it may only check.
func remaining(o spaces.Outcome) (toAdd, toCheck []chat.Person) {
	person := func(m spaces.Member) chat.Person {
		return chat.Person{Name: resource.Person(m.User), DisplayName: m.Label}
	}
	mayPass := func(err error) bool {
		_, consent := capability.AsConsentError(err)
		return consent || fault.IsTransient(err)
	}
	for _, m := range o.Failed {
		if mayPass(m.Err) {
			toAdd = append(toAdd, person(m.Member))
		}
	}
	for _, m := range o.Pending {
		toAdd = append(toAdd, person(m))
	}
	for _, m := range o.Unchecked {
		if mayPass(m.Err) && !o.ListDeclined {
			toCheck = append(toCheck, person(m.Member))
		}
	}
	return toAdd, toCheck
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

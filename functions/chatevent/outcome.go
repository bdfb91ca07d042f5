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

// addOutcome shows what became of requested members. external says whether the space allows outsiders.
func (v *view) addOutcome(ctx context.Context, o spaces.Outcome, external bool) {
	v.labeled(words.CreatedJoined, memberNames(v.say, o.Joined))
	v.labeled(words.CreatedInvited, memberNames(v.say, o.Invited))
	v.addFailed(ctx, words.CreatedLeftOut, v.withReason(ctx, external, o.LeftOut))
	v.addFailed(ctx, words.CreatedLeftOut, o.Failed)
	v.labeled(words.CreatedPending, memberNames(v.say, o.Pending))
	if o.ListDeclined {
		v.text(words.CreatedNotAllowed)
		return
	}
	v.addFailed(ctx, words.CreatedUnchecked, o.Unchecked)
}

// addFailed lists members by the reason why Google refused a call about them, in the order of their first member.
func (v *view) addFailed(ctx context.Context, label i18n.Text, members []spaces.FailedMember) {
	var reasons []string
	byReason := map[string][]spaces.Member{}
	for _, m := range members {
		reason := fault.Public(v.say, m.Err, logging.Reference(ctx))
		if _, ok := capability.AsConsentError(m.Err); ok {
			reason = v.say(words.CreatedNotAllowedYet)
		}
		if byReason[reason] == nil {
			reasons = append(reasons, reason)
		}
		byReason[reason] = append(byReason[reason], m.Member)
	}
	for _, reason := range reasons {
		v.labeled(label, memberNames(v.say, byReason[reason]))
		v.add(chat.Widget{Text: reason})
	}
}

// withReason adds the likely reason to the people whom Google did not add.
func (v *view) withReason(ctx context.Context, external bool, members []spaces.Member) []spaces.FailedMember {
	if len(members) == 0 {
		return nil
	}
	domain := ""
	if c, err := v.Grants.Connection(ctx, v.event.Person.Name); err == nil {
		_, domain, _ = strings.Cut(c.Email, "@")
	}
	failed := make([]spaces.FailedMember, len(members))
	for i, m := range members {
		reason := spaces.LikelyReason(m, domain, external)
		failed[i] = spaces.FailedMember{Member: m, Err: fault.New(fault.Denied, reason)}
	}
	return failed
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

// memberNames joins the names of up to 50 members, so that the card doesn't get too large. It counts the members whose
// name is unknown.
func memberNames(say i18n.Say, members []spaces.Member) string {
	const limit = 50
	var out []string
	unknown := 0
	for _, m := range members {
		if m.Label == "" {
			unknown++
		} else {
			out = append(out, m.Label)
		}
	}
	if len(out) > limit {
		out = append(out[:limit], "…")
	}
	if unknown > 0 {
		out = append(out, say(words.CreatedUnnamed, unknown))
	}
	return strings.Join(out, ", ")
}

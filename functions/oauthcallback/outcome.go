package oauthcallback

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/words"
)

// connectedPage is the end of a consent that leads nowhere else.
func connectedPage(say i18n.Say) page {
	return page{Title: say(words.PageConnected), Good: true, Text: []string{say(words.PageMayAct), say(words.PageGoBack)}}
}

// question is what a person is asked about a system.
type question struct {
	*consent.Question
	caller callers.Caller
}

// question is the one of a consent, if the operator still lets the system act
// for this person: of one who is not in the system's organizations, it is not
// asked.
func (f function) question(ctx context.Context, o consent.Outcome) (*question, error) {
	all, err := f.Callers.Read(ctx)
	if err != nil {
		return nil, err
	}
	caller, known := all.Caller(o.Approval.Caller)
	if !known || all.Paused || caller.Paused || !slices.Contains(caller.Authorities, cmp.Or(o.Approval.Authority, callers.ByUser)) ||
		slices.ContainsFunc(o.Approval.Actions, func(action string) bool { return !slices.Contains(caller.Actions, action) }) {
		return nil, nil //nolint:nilnil // there is nothing to ask
	}
	if caller.Covers(resource.Named(o.Person), o.Domain) != nil && caller.Covers(resource.Named(o.Email), o.Domain) != nil {
		return nil, &fault.Error{Op: "oauthcallback.question", Kind: fault.Denied, Public: words.NotForThisSystem, Args: []any{caller.Name}, Err: errors.New("the caller may not act for this person")}
	}
	return &question{o.Approval, caller}, nil
}

// questionPage asks whether another system may act as the person.
func questionPage(say i18n.Say, o consent.Outcome, q question, address string) page {
	names := make([]string, len(q.Actions))
	for i, action := range q.Actions {
		names[i] = say(callers.Words(action))
	}
	what := []string{say(words.PageApproveWhat, cmp.Or(q.caller.Email, q.caller.UniqueID), o.Email, strings.Join(names, "; "))}
	if q.Authority == callers.ByAdmin {
		what = append(what, say(words.PageApproveAll))
	}
	return page{
		Title: say(words.PageApprove, q.caller.Name),
		Text:  append(what, say(words.PageApproveHow)),
		Ask:   address + "/approve", Token: q.Token.Reveal(), Allow: say(words.PageAllow), Refuse: say(words.PageRefuse),
	}
}

// answeredPage is the end of that question.
func answeredPage(say i18n.Say, yes bool) page {
	if yes {
		return page{Title: say(words.PageAllowed), Good: true, Text: []string{say(words.PageAllowedIs)}}
	}
	return page{Title: say(words.PageRefusedBy), Text: []string{say(words.PageRefusedByIs)}}
}

// refused is the page for a consent that came to nothing.
func refused(say i18n.Say, r *consent.Refusal) (int, page) {
	account := r.Account
	if account == "" {
		account = say(words.PageSomeone)
	}
	back := say(words.PageBack)
	switch r.Reason {
	case consent.LinkExpired:
		return http.StatusGone, page{Title: say(words.PageExpired), Text: []string{say(words.PageExpiredWhy), say(words.PageFreshLink)}}
	case consent.LinkUsed:
		return http.StatusConflict, page{Title: say(words.PageUsed), Text: []string{say(words.PageUsedWhy), say(words.PageUsedNext)}}
	case consent.OtherBrowser:
		return http.StatusForbidden, page{Title: say(words.PageBrowser), Text: []string{say(words.PageBrowserWhy), back, say(words.PagePressAgain)}}
	case consent.Declined:
		return http.StatusForbidden, button(page{Title: say(words.PageDeclined), Text: []string{say(words.PageDeclinedIs), back}}, r.Again, say(words.TryAgain))
	case consent.WrongAccount:
		return http.StatusForbidden, button(page{Title: say(words.PageAccount), Text: []string{say(words.PageAccountIs, account), back}}, r.Again, say(words.PageChoose))
	case consent.WrongDomain:
		return http.StatusForbidden, page{Title: say(words.PageDomain), Text: []string{say(words.PageDomainIs, account), back}}
	case consent.Unfinished:
		return http.StatusServiceUnavailable, button(page{Title: say(words.PageUnfinished), Text: []string{say(words.PageUnfinIs), say(words.PageUnfinNext)}}, r.Again, say(words.TryAgain))
	default:
		return http.StatusBadRequest, button(page{Title: say(words.PageRefused), Text: []string{say(words.PageRefusedIs), back}}, r.Again, say(words.TryAgain))
	}
}

// unticked is the page for a consent that leaves out what the act needs.
func unticked(say i18n.Say, o consent.Outcome) page {
	names := make([]string, len(o.Missing))
	for i, c := range o.Missing {
		names[i] = say(c.Words())
	}
	return button(page{Title: say(words.PageUnticked), Text: []string{
		say(words.PageUntickedIs, o.Email, strings.Join(names, "; ")), say(words.PageTickIt),
	}}, o.Again, say(words.AllowIt))
}

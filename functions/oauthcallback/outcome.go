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
	return page{Title: say(words.PageConnectedTitle), Good: true, Text: []string{say(words.PageConnectedText), say(words.PageConnectedNext)}}
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
		return nil, &fault.Error{Op: "oauthcallback.question", Kind: fault.Denied, Public: words.ApprovalWrongAccount, Args: []any{caller.Name}, Err: errors.New("the caller may not act for this person")}
	}
	return &question{o.Approval, caller}, nil
}

// questionPage asks whether another system may act as the person.
func questionPage(say i18n.Say, o consent.Outcome, q question, address string) page {
	names := make([]string, len(q.Actions))
	for i, action := range q.Actions {
		names[i] = say(callers.Words(action))
	}
	what := []string{say(words.ApprovalText, cmp.Or(q.caller.Email, q.caller.UniqueID), o.Email, strings.Join(names, "; "))}
	if q.Authority == callers.ByAdmin {
		what = append(what, say(words.ApprovalAdmin))
	}
	return page{
		Title: say(words.ApprovalTitle, q.caller.Name),
		Text:  append(what, say(words.ApprovalHow)),
		Ask:   address + "/approve", Token: q.Token.Reveal(), Allow: say(words.ApprovalAllow), Refuse: say(words.ApprovalRefuse),
	}
}

// answeredPage is the end of that question.
func answeredPage(say i18n.Say, yes bool) page {
	if yes {
		return page{Title: say(words.ApprovalAllowedTitle), Good: true, Text: []string{say(words.ApprovalAllowedText)}}
	}
	return page{Title: say(words.ApprovalRefusedTitle), Text: []string{say(words.ApprovalRefusedText)}}
}

// refused is the page for a consent that came to nothing.
func refused(say i18n.Say, r *consent.Refusal) (int, page) {
	account := r.Account
	if account == "" {
		account = say(words.PageAccountAnother)
	}
	back := say(words.PageNothingStored)
	switch r.Reason {
	case consent.LinkExpired:
		return http.StatusGone, page{Title: say(words.PageExpiredTitle), Text: []string{say(words.PageExpiredText), say(words.PageExpiredNext)}}
	case consent.LinkUsed:
		return http.StatusConflict, page{Title: say(words.PageUsedTitle), Text: []string{say(words.PageUsedText), say(words.PageUsedNext)}}
	case consent.OtherBrowser:
		return http.StatusForbidden, page{Title: say(words.PageBrowserTitle), Text: []string{say(words.PageBrowserText), back, say(words.PageBrowserNext)}}
	case consent.Declined:
		return http.StatusForbidden, button(page{Title: say(words.PageDeclinedTitle), Text: []string{say(words.PageDeclinedText), back}}, r.Again, say(words.ButtonTryAgain))
	case consent.WrongAccount:
		return http.StatusForbidden, button(page{Title: say(words.PageAccountTitle), Text: []string{say(words.PageAccountText, account), back}}, r.Again, say(words.PageAccountChoose))
	case consent.WrongDomain:
		return http.StatusForbidden, page{Title: say(words.PageDomainTitle), Text: []string{say(words.PageDomainText, account), back}}
	case consent.Unfinished:
		return http.StatusServiceUnavailable, button(page{Title: say(words.PageUnfinishedTitle), Text: []string{say(words.PageUnfinishedText), say(words.PageUnfinishedNext)}}, r.Again, say(words.ButtonTryAgain))
	default:
		return http.StatusBadRequest, button(page{Title: say(words.PageRefusedTitle), Text: []string{say(words.PageRefusedText), back}}, r.Again, say(words.ButtonTryAgain))
	}
}

// unticked is the page for a consent that leaves out what the act needs.
func unticked(say i18n.Say, o consent.Outcome) page {
	names := make([]string, len(o.Missing))
	for i, c := range o.Missing {
		names[i] = say(c.Words())
	}
	return button(page{Title: say(words.PagePartialTitle), Text: []string{
		say(words.PagePartialText, o.Email, strings.Join(names, "; ")), say(words.PagePartialNext),
	}}, o.Again, say(words.ButtonAllow))
}

package oauthcallback

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/words"
)

func connectedPage(say i18n.Say) page {
	text := []string{say(words.PageConnectedText), say(words.PageConnectedNext)}
	return page{Title: say(words.PageConnectedTitle), Success: true, Text: text}
}

// choicePage asks what a person wants to be asked for. link is that of their invitation.
func choicePage(say i18n.Say, c consent.Choice, link string) page {
	reasons := func(all []capability.Capability) (out []string) {
		for _, c := range all {
			out = append(out, c.Reason(say, ""))
		}
		return out
	}
	return page{
		Title: say(words.ChoiceTitle), Text: []string{say(words.ChoiceText)}, Asks: true,
		Sections: []section{
			{
				Title: say(words.ChoiceNeededTitle), Text: []string{say(words.ChoiceNeededText)},
				Items:     reasons(c.Needed),
				ButtonURL: link + "&ask=needed", ButtonLabel: say(words.ButtonAllowNeeded),
			},
			{
				Title: say(words.ChoiceAllTitle), Text: []string{say(words.ChoiceAllText)}, Items: reasons(c.More),
				ButtonURL: link + "&ask=everything", ButtonLabel: say(words.ButtonAllowEverything),
			},
		},
	}
}

type question struct {
	*consent.Question
	caller callers.Caller
}

// loadQuestion returns the question of a consent, or nil if the operator no longer allows the caller to do this.
// If the caller does not cover this person, the error is Denied.
func (f function) loadQuestion(ctx context.Context, o consent.Outcome) (*question, error) {
	all, err := f.Callers.Read(ctx)
	if err != nil {
		return nil, err
	}
	caller, found := all.Caller(o.Question.Caller)
	notAllowed := func(action string) bool { return !slices.Contains(caller.Actions, action) }
	if !found || all.Paused || caller.Paused ||
		!slices.Contains(caller.Authorities, cmp.Or(o.Question.Authority, callers.AuthorityUser)) ||
		slices.ContainsFunc(o.Question.Actions, notAllowed) {
		return nil, nil //nolint:nilnil // there is nothing to ask
	}
	byID, byEmail := resource.Named(o.Person), resource.Named(o.Email)
	if caller.Covers(byID, o.Domain) != nil && caller.Covers(byEmail, o.Domain) != nil {
		err := errors.New("the caller may not act for this person")
		return nil, &fault.Error{
			Op: "oauthcallback.loadQuestion", Kind: fault.Denied,
			Public: words.ApprovalWrongAccount, Args: []any{caller.Name}, Err: err,
		}
	}
	return &question{o.Question, caller}, nil
}

func questionPage(say i18n.Say, o consent.Outcome, q question, address string) page {
	var choices []choice
	for _, action := range q.Actions {
		choices = append(choices, choice{action, say(callers.ActionText(action))})
	}
	account := cmp.Or(q.caller.Email, q.caller.UniqueID)
	text := []string{say(words.ApprovalText, account, o.Email)}
	if q.Authority == callers.AuthorityAdmin {
		text = append(text, say(words.ApprovalAdmin))
	}
	return page{
		Title: say(words.ApprovalTitle, q.caller.Name), Text: append(text, say(words.ApprovalHow)),
		FormAction: address + "/approve", Token: q.Token.Reveal(), Choices: choices,
		Allow: say(words.ApprovalAllow), Refuse: say(words.ApprovalRefuse),
	}
}

// showAnswer links to the caller's return address if the operator still lists it. The link carries nothing: the
// caller reads the answer in the API.
func (f function) showAnswer(w http.ResponseWriter, r *http.Request, o consent.Outcome) error {
	say := say(r)
	all, err := f.Callers.Read(r.Context())
	if err != nil {
		return err
	}
	caller, _ := all.Caller(o.Caller)
	p := page{Title: say(words.ApprovalRefusedTitle), Text: []string{say(words.ApprovalRefusedText)}}
	if o.Answer == consent.Allow {
		text := []string{say(words.ApprovalAllowedText, cmp.Or(caller.Name, o.Caller))}
		p = page{Title: say(words.ApprovalAllowedTitle), Success: true, Text: text}
	}
	if slices.Contains(caller.ReturnAddresses, o.Back) {
		p.ButtonURL, p.ButtonLabel = o.Back, say(words.ApprovalBack, caller.Name)
	}
	writePage(w, r, http.StatusOK, p)
	return nil
}

// refusalPage returns the status and the page for a failed consent.
func refusalPage(say i18n.Say, r *consent.Refusal) (int, page) {
	account := r.Account
	if account == "" {
		account = say(words.PageAccountAnother)
	}
	simple := func(title i18n.Text, text ...string) page { return page{Title: say(title), Text: text} }
	retry := func(label, title i18n.Text, text ...string) page {
		return withButton(simple(title, text...), r.RetryLink, say(label))
	}
	switch r.Reason {
	case consent.LinkExpired:
		return http.StatusGone, simple(words.PageExpiredTitle, say(words.PageExpiredText), say(words.PageExpiredNext))
	case consent.LinkUsed:
		return http.StatusConflict, simple(words.PageUsedTitle, say(words.PageUsedText), say(words.PageUsedNext))
	case consent.Running:
		return http.StatusAccepted, simple(words.PageRunningTitle, say(words.PageRunningText))
	case consent.OtherBrowser:
		return http.StatusForbidden, simple(words.PageBrowserTitle, say(words.PageBrowserText),
			say(words.PageBrowserNext))
	case consent.Declined:
		return http.StatusForbidden, retry(words.ButtonTryAgain, words.PageDeclinedTitle, say(words.PageDeclinedText),
			say(words.PageDeclinedNext))
	case consent.WrongAccount:
		return http.StatusForbidden, retry(words.PageAccountChoose, words.PageAccountTitle,
			say(words.PageAccountText, account), say(words.PageAccountNext))
	case consent.WrongAddress:
		return http.StatusForbidden, retry(words.PageAccountChoose, words.PageAccountTitle,
			say(words.PageAddressText, account))
	case consent.WrongDomain:
		return http.StatusForbidden, simple(words.PageDomainTitle, say(words.PageDomainText, account))
	case consent.SignInAgain:
		return http.StatusForbidden, retry(words.ButtonTryAgain, words.PageSignInTitle, say(words.ConnectSignIn),
			say(words.PageSignInNext))
	case consent.Unfinished:
		return http.StatusServiceUnavailable, retry(words.ButtonTryAgain, words.PageUnfinishedTitle,
			say(words.PageUnfinishedText), say(words.PageUnfinishedNext))
	default:
		return http.StatusBadRequest, retry(words.ButtonTryAgain, words.PageRefusedTitle, say(words.PageRefusedText),
			say(words.PageRefusedNext))
	}
}

// missingPage is shown after a consent without a permission that the operation needs.
func missingPage(say i18n.Say, o consent.Outcome) page {
	names := make([]string, len(o.Missing))
	for i, c := range o.Missing {
		names[i] = say(c.Description())
	}
	text := []string{say(words.PagePartialText, o.Email, strings.Join(names, "; ")), say(words.PagePartialNext)}
	return withButton(page{Title: say(words.PagePartialTitle), Text: text}, o.RetryLink, say(words.ButtonAllow))
}

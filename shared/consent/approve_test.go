package consent_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/internal/consenttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

var wish = consent.ApprovalRequest{Caller: "tickets", Actions: []string{"spaces.create"}, Authority: "user"}

// inviteToApprove returns an invitation for Ada with a question.
func inviteToApprove(
	t *testing.T, w *consenttest.World, r consent.ApprovalRequest, c ...capability.Capability,
) config.Secret {
	t.Helper()
	link, err := w.InviteToApprove(t.Context(), resource.Named(ada.User()), r, c...)
	check(t, err)
	return w.Invitation(link)
}

// ask signs Ada in and returns the question that she is asked.
func ask(t *testing.T, w *consenttest.World, r consent.ApprovalRequest) consent.Question {
	t.Helper()
	out, err := w.Finish(t.Context(), w.GiveConsent(inviteToApprove(t, w, r, create), ada))
	if err != nil || out.Question == nil || !out.ReturnTo.Empty() {
		t.Fatalf("%+v, %v", out, err)
	}
	return *out.Question
}

func TestAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		authority, stored vault.Authority
		browser           config.Secret
		answer            consent.Answer
		approved          bool
		reason            consent.Reason // "" for no error
	}{
		"yes":           {"user", "user", browser, consent.Allow, true, ""},
		"agent":         {"agent", "agent", browser, consent.Allow, true, ""},
		"no authority":  {"", "user", browser, consent.Allow, true, ""},
		"no":            {"user", "user", browser, consent.Refuse, false, ""},
		"other browser": {"user", "user", config.NewSecret("other"), consent.Allow, false, consent.OtherBrowser},
	} {
		w := newWorld(t)
		r := wish
		r.Authority = c.authority
		q := ask(t, w, r)
		if q.Caller != r.Caller || q.Authority != r.Authority || !cmp.Equal(q.Actions, r.Actions) {
			t.Errorf("%s: asked %+v", name, q)
		}
		w.Advance(time.Minute)
		err := w.Answer(t.Context(), q.Token, []config.Secret{c.browser}, c.answer, r.Actions...)
		if refusalReason(err) != c.reason || c.reason == "" && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if g, _ := w.StoredGrant(ada); g.HasApproved(r.Caller, c.stored, "spaces.create") != c.approved {
			t.Errorf("%s: approvals %+v", name, g.Approvals)
		}
		if c.reason != "" {
			continue
		}
		other := consent.Allow
		if c.answer == consent.Allow {
			other = consent.Refuse
		}
		check(t, w.Answer(t.Context(), q.Token, consenttest.Cookies, other, r.Actions...))
		if g, _ := w.StoredGrant(ada); g.HasApproved(r.Caller, c.stored, "spaces.create") != c.approved {
			t.Errorf("%s: the second answer counts: %+v", name, g.Approvals)
		}
		out, err := w.Outcome(t.Context(), vault.PendingID(q.Token), consenttest.Cookies)
		if err != nil || out.Answer != c.answer {
			t.Errorf("%s: outcome %q, %v", name, out.Answer, err)
		}
		if n := strings.Count(w.Log.String(), "action=approve"); n != 1 {
			t.Errorf("%s: %d audit lines", name, n)
		}
	}
}

// The state of a consent must not answer a question, and the token of a question must not finish a consent.
func TestAnswer_OtherPurpose(t *testing.T) {
	w := newWorld(t)
	q := ask(t, w, wish)
	callback := w.GiveConsent(w.InvitePerson(ada, completion, create), ada)
	if err := w.Answer(t.Context(), callback.State, consenttest.Cookies, consent.Allow, wish.Actions...); refusalReason(
		err,
	) != consent.LinkExpired {
		t.Errorf("state: %v", err)
	}
	callback.State = q.Token
	if _, err := w.Finish(t.Context(), callback); refusalReason(err) != consent.LinkExpired {
		t.Errorf("token: %v", err)
	}
	if g, _ := w.StoredGrant(ada); len(g.Approvals) != 0 {
		t.Error("an approval is stored")
	}
}

func TestAnswer_StoreUnavailable(t *testing.T) {
	for at := 1; ; at++ {
		w := newWorld(t)
		q := ask(t, w, wish)
		w.Advance(time.Minute)
		docs := failAt(w, at)
		err := w.InstanceOn(docs).Answer(t.Context(), q.Token, consenttest.Cookies, consent.Allow, wish.Actions...)
		if docs.Calls() < at {
			if err != nil || at < 6 {
				t.Errorf("%d calls: %v", docs.Calls(), err)
			}
			return
		}
		g, _ := w.StoredGrant(ada)
		if answered := at == 5; answered { // only the page about it is lost
			if err != nil || !g.HasApproved(wish.Caller, "user", "spaces.create") {
				t.Errorf("call %d: %v", at, err)
			}
		} else if fault.KindOf(err) != fault.Unavailable {
			t.Errorf("call %d: %v", at, err)
		}
	}
}

func TestFinish_QuestionAfterAllScopes(t *testing.T) {
	w := newWorld(t)
	w.Unselected = membersScope
	out, err := w.Finish(t.Context(), w.GiveConsent(inviteToApprove(t, w, wish, create, members), ada))
	if err != nil || out.Question != nil || !cmp.Equal(out.Missing, []capability.Capability{members}) {
		t.Fatalf("one scope unselected: %+v, %v", out, err)
	}
	w.Unselected = ""
	out, err = w.Complete(w.Invitation(out.RetryLink), ada)
	if err != nil || out.Question == nil || len(out.Missing) != 0 || !out.RetryLink.Empty() {
		t.Errorf("asked again: %+v, %v", out, err)
	}
}

// A stolen session keeps the page with the question open.
func TestAnswer_StolenSession(t *testing.T) {
	for _, mark := range []vault.Mark{vault.SessionsEndedAt, vault.RevokedAt} {
		w := newWorld(t)
		w.SignIn(ada, create)
		w.Advance(5 * time.Minute)
		q := ask(t, w, wish)
		w.Advance(time.Minute)
		w.MarkGrant(ada, mark, w.Now())
		err := w.Answer(t.Context(), q.Token, consenttest.Cookies, consent.Allow, wish.Actions...)
		if refusalReason(err) != consent.LinkExpired {
			t.Errorf("%s: %v", mark, err)
		}
		if g, _ := w.StoredGrant(ada); len(g.Approvals) != 0 {
			t.Errorf("%s: the approval was stored", mark)
		}
	}
}

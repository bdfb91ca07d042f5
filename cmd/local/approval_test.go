package main

import (
	"context"
	"crypto/sha256"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// newUnapprovedWorld returns a world with the incident tool, which nobody has approved.
func newUnapprovedWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	c := caller()
	c.Actions = allActions
	w.put(t, c)
	return w
}

const simplePlan = `{"actAs":"ada@example.com","displayName":"From a system"}`

// invitation returns the link in the problem with which the API refuses to create a space.
func (w *world) invitation(t *testing.T, want string) string {
	t.Helper()
	got := w.api(t, "POST", "/v1/spaces", simplePlan)
	link, _ := got.body["invitation"].(string)
	if got.problem() != want || link == "" {
		t.Fatalf("got %d %s, want %s", got.status, got.text, want)
	}
	return link
}

// answer answers the approval page p with allow or refuse.
func (b *browser) answer(p page, answer string) page {
	b.t.Helper()
	form := parseInputs(p.body)
	form.Set("answer", answer)
	return b.post(b.world.address+"/oauthcallback/approve", form)
}

func (w *world) countApprovals(t *testing.T, p google.Person) int {
	t.Helper()
	g, err := w.vault.Grant(t.Context(), resource.Person(p.User()))
	if err != nil && fault.KindOf(err) != fault.NotFound {
		t.Fatal(err)
	}
	return len(g.ValidApprovals())
}

func TestApproval_ConsentInSameLink(t *testing.T) {
	t.Parallel()
	w := newUnapprovedWorld(t)
	b := w.browser(t, ada)
	question := b.consent(w.invitation(t, "approval_required"), decision{account: ada})
	b.wantText(question, "Allow Incidents to act as you?", incidentEmail,
		"wants to do the following as ada@example.com.", "Create spaces", "Allow", "Don't allow")
	if w.countApprovals(t, ada) != 0 {
		t.Error("approved before the answer")
	}
	b.wantText(b.answer(question, "allow"), "Allowed", "can now act as you")
	if got := w.api(t, "POST", "/v1/spaces", simplePlan); got.status != http.StatusCreated {
		t.Errorf("afterwards: %d %s", got.status, got.text)
	}
	got := w.api(t, "DELETE", "/v1/spaces/AAAAteam?actAs=ada@example.com&confirm=Team", "",
		"Idempotency-Key", "another-key")
	if got.problem() != "approval_required" { // nobody who asks to create asks to delete
		t.Errorf("action not approved: %d %s", got.status, got.text)
	}
	b.wantText(b.say("/status"), "Systems that can act as you", "Incidents", "Create spaces")
	b.press("Withdraw")
	if got := w.api(t, "GET", "/v1/spaces?actAs=ada@example.com", ""); got.problem() != "approval_required" {
		t.Errorf("withdrawn: %d %s", got.status, got.text)
	}
}

func TestApproval_RefusedThenAllowed(t *testing.T) {
	t.Parallel()
	w := newUnapprovedWorld(t)
	b := w.browser(t, ada)
	question := b.consent(w.invitation(t, "approval_required"), decision{account: ada})
	b.wantText(b.answer(question, "refuse"), "Not allowed", "The system can't act as you")
	if w.countApprovals(t, ada) != 0 {
		t.Error("approved although she refused")
	}
	// She is connected now, so Google's consent page must not ask again.
	again := w.browser(t, ada)
	consent := again.open(w.invitation(t, "approval_required"))
	if prompt := consent.url.Query().Get("prompt"); prompt != "" {
		t.Errorf("prompt=%s", prompt)
	}
	again.answer(again.submit(consent, decision{account: ada}), "allow")
	if got := w.api(t, "POST", "/v1/spaces", simplePlan); got.status != http.StatusCreated {
		t.Errorf("allowed afterwards: %d %s", got.status, got.text)
	}
}

func TestApproval_WrongAccount(t *testing.T) {
	t.Parallel()
	w := newUnapprovedWorld(t)
	b := w.browser(t, grace)
	b.wantText(b.consent(w.invitation(t, "approval_required"), decision{account: grace}), "Wrong account")
	if w.countApprovals(t, ada)+w.countApprovals(t, grace) != 0 {
		t.Error("something was approved")
	}
}

func TestApproval_StolenOrUsedToken(t *testing.T) {
	t.Parallel()
	w := newUnapprovedWorld(t)
	b, thief := w.browser(t, ada), w.browser(t, grace)
	question := b.consent(w.invitation(t, "approval_required"), decision{account: ada})
	thief.wantText(thief.answer(question, "allow"), "Use the same browser")
	for _, form := range []url.Values{
		{}, {"token": {"x"}}, {"token": {"x", "y"}, "answer": {"allow"}}, {"token": {"x"}, "answer": {"allow"}},
	} {
		if got := b.post(w.address+"/oauthcallback/approve", form); got.status < 400 || got.status >= 500 {
			t.Errorf("%v: %d", form, got.status)
		}
	}
	if w.countApprovals(t, ada) != 0 {
		t.Error("approved in another browser")
	}
	b.wantText(b.answer(question, "refuse"), "Not allowed")
	b.wantText(b.answer(question, "allow"), "Not allowed") // her first answer counts
	if w.countApprovals(t, ada) != 0 {
		t.Error("approved by a used token")
	}
	again := b.consent(w.invitation(t, "approval_required"), decision{account: ada})
	w.clock.advance(11 * time.Minute)
	b.wantText(b.answer(again, "allow"), "This link has expired")
}

func TestApproval_TokenAndStateSwapped(t *testing.T) {
	t.Parallel()
	w := newUnapprovedWorld(t)
	b := w.browser(t, ada)
	question := b.consent(w.invitation(t, "approval_required"), decision{account: ada})
	token := parseInputs(question.body).Get("token")
	callback := w.address + "/oauthcallback/callback?code=x&state=" + url.QueryEscape(token)
	b.wantText(b.open(callback), "This link has expired")
	started := b.open(w.invitation(t, "approval_required"))
	state := started.url.Query().Get("state")
	if state == "" {
		t.Fatalf("no state in %s", started.url)
	}
	answer := url.Values{"token": {state}, "answer": {"allow"}}
	b.wantText(b.post(w.address+"/oauthcallback/approve", answer), "This link has expired")
	if w.countApprovals(t, ada) != 0 {
		t.Error("something was approved")
	}
}

func TestApproval_MarkupInCallerName(t *testing.T) {
	t.Parallel()
	w := newUnapprovedWorld(t)
	c := caller()
	c.ID, c.UniqueID, c.Email = "another", "109000000000000000002", "another@tools.iam.gserviceaccount.com"
	c.Name = `<script>alert(1)</script>`
	w.put(t, c)
	wish := consent.ApprovalRequest{Caller: c.ID, Actions: []string{"spaces.create"}}
	link, err := w.consent.InviteToApprove(t.Context(), resource.Named(ada.User()), wish, capability.CreateSpaces)
	if err != nil {
		t.Fatal(err)
	}
	b := w.browser(t, ada)
	question := b.consent(link.Reveal(), decision{account: ada})
	if strings.Contains(question.body, "<script") || !strings.Contains(question.body, "&lt;script&gt;") {
		t.Errorf("the caller's name is markup: %s", question.body)
	}
	policy := question.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "form-action 'self'") || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("policy: %s", policy)
	}
}

func TestApproval_RemovedCaller(t *testing.T) {
	t.Parallel()
	w := newUnapprovedWorld(t)
	wish := consent.ApprovalRequest{Caller: "removed", Actions: []string{"spaces.create"}}
	link, err := w.consent.InviteToApprove(t.Context(), resource.Named(ada.User()), wish, capability.CreateSpaces)
	if err != nil {
		t.Fatal(err)
	}
	b := w.browser(t, ada)
	b.wantText(b.consent(link.Reveal(), decision{account: ada}), "You're connected")
}

func TestApproval_AfterErase(t *testing.T) {
	t.Parallel()
	w := newUnapprovedWorld(t)
	b := w.browser(t, ada)
	question := b.consent(w.invitation(t, "approval_required"), decision{account: ada})
	if _, err := w.grants.Erase(t.Context(), resource.Person(ada.User())); err != nil {
		t.Fatal(err)
	}
	b.wantText(b.answer(question, "allow"), "This link has expired")
	if w.countApprovals(t, ada) != 0 {
		t.Error("something was approved")
	}
}

// Attack: the person disconnects while an approval is being stored, so that the approval would outlive the grant.
func TestApproval_RacesDisconnect(t *testing.T) {
	// The disconnect comes before the token is used up (1), or before the approval is stored (2).
	for writes := 1; writes <= 2; writes++ {
		synctest.Test(t, func(t *testing.T) {
			var tr *trial
			n := 0
			disconnect := func(ctx context.Context, c vaulttest.Call) error {
				if c.Write && !c.Applied && n >= 0 {
					if n++; n == writes {
						n = -1
						if _, err := tr.grants.Disconnect(ctx, resource.Person(ada.User())); err != nil {
							t.Error(err)
						}
					}
				}
				return nil
			}
			tr = newTrial(t, &failure{name: "she disconnects", store: disconnect}, true)
			tr.connect()
			g, err := tr.vault.Grant(t.Context(), resource.Person(ada.User()))
			if err != nil {
				t.Fatal(err)
			}
			cookie := sha256.Sum256([]byte("cookie"))
			pending := vault.Pending{
				Person: resource.Person(ada.User()), Purpose: "approve", Caller: incidentTool,
				Actions: []string{"spaces.create"}, Authority: "user",
				AskedAt: tr.clock.now(), ConnectedAt: g.ConnectedAt, Browser: cookie[:],
			}
			if err := tr.vault.CreatePending(t.Context(), config.NewSecret("question"), pending); err != nil {
				t.Fatal(err)
			}
			tr.arm(1)
			err = tr.consent.Answer(t.Context(), config.NewSecret("question"),
				[]config.Secret{config.NewSecret("cookie")}, consent.Allow, "spaces.create")
			tr.clearFaults()
			if g, _ := tr.grant(); n != -1 || err == nil || len(g.Approvals) != 0 {
				t.Errorf("write %d: %v; remaining approvals %v", writes, err, g.Approvals)
			}
			tr.connect()
			if got := tr.createByAPI(); got.Code != http.StatusForbidden {
				t.Errorf("reconnected without approval: %d %s", got.Code, got.Body)
			}
		})
	}
}

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

// unapproved is a program with the incident tool, which nobody has approved.
func unapproved(t *testing.T) *world {
	t.Helper()
	w := begin(t)
	c := caller()
	c.Actions = everyAction
	w.put(t, c)
	return w
}

const newPlan = `{"actAs":"ada@example.com","displayName":"From a system"}`

// asks is the link that the answer to a call gives.
func (w *world) asks(t *testing.T, want string) string {
	t.Helper()
	got := w.api(t, "POST", "/v1/spaces", newPlan)
	link, _ := got.body["invitation"].(string)
	if got.problem() != want || link == "" {
		t.Fatalf("got %d %s, want %s", got.status, got.text, want)
	}
	return link
}

// answer presses a button of the question.
func (b *browser) answer(p page, allow string) page {
	b.t.Helper()
	form := inputs(p.body)
	form.Set("answer", allow)
	return b.post(b.world.address+"/oauthcallback/approve", form)
}

func (w *world) approvals(t *testing.T, p google.Person) int {
	t.Helper()
	g, err := w.vault.Grant(t.Context(), resource.Person(p.User()))
	if err != nil && fault.KindOf(err) != fault.NotFound {
		t.Fatal(err)
	}
	return len(g.Standing())
}

func TestOneLinkAsksForTheConsentAndForTheApprovalOfASystem(t *testing.T) {
	t.Parallel()
	w := unapproved(t)
	b := w.browser(t, ada)
	asked := b.consent(w.asks(t, "approval_required"), decide{as: ada})
	b.has(asked, "Allow Incidents to act as you?", incidentsAt, "wants to do the following as ada@example.com: Create spaces", "Allow", "Don't allow")
	if w.approvals(t, ada) != 0 {
		t.Error("approved before the answer")
	}
	b.has(b.answer(asked, "allow"), "Allowed", "The system can now act as you")
	if got := w.api(t, "POST", "/v1/spaces", newPlan); got.status != http.StatusCreated {
		t.Errorf("afterwards: %d %s", got.status, got.text)
	}
	if got := w.api(t, "POST", "/v1/spaces/AAAAteam/messages", `{"actAs":"ada@example.com","text":"x"}`, "Idempotency-Key", "another-key"); got.problem() != "approval_required" {
		t.Errorf("what was not approved: %d %s", got.status, got.text)
	}
	b.has(b.say("/status"), "Who may act as you", "Incidents", "Create spaces")
	b.press("Withdraw")
	if got := w.api(t, "GET", "/v1/spaces?actAs=ada@example.com", ""); got.problem() != "approval_required" {
		t.Errorf("withdrawn: %d %s", got.status, got.text)
	}
}

func TestARefusalApprovesNothingAndCanBeThoughtOver(t *testing.T) {
	t.Parallel()
	w := unapproved(t)
	b := w.browser(t, ada)
	b.has(b.answer(b.consent(w.asks(t, "approval_required"), decide{as: ada}), "refuse"), "Not allowed", "The system can't act as you")
	if w.approvals(t, ada) != 0 {
		t.Error("approved all the same")
	}
	// Connected now, but not approved: Google is not asked for a new consent.
	again := w.browser(t, ada)
	asked := again.open(w.asks(t, "approval_required"))
	if prompt := asked.url.Query().Get("prompt"); prompt != "" {
		t.Errorf("prompt=%s", prompt)
	}
	again.answer(again.submit(asked, decide{as: ada}), "allow")
	if got := w.api(t, "POST", "/v1/spaces", newPlan); got.status != http.StatusCreated {
		t.Errorf("thought over: %d %s", got.status, got.text)
	}
}

func TestAnApprovalByAnotherAccountCountsForNobody(t *testing.T) {
	t.Parallel()
	w := unapproved(t)
	b := w.browser(t, grace)
	b.has(b.consent(w.asks(t, "approval_required"), decide{as: grace}), "Wrong account")
	if w.approvals(t, ada)+w.approvals(t, grace) != 0 {
		t.Error("something was approved")
	}
}

func TestAnAnswerCountsOnceAndInItsOwnBrowserOnly(t *testing.T) {
	t.Parallel()
	w := unapproved(t)
	b, thief := w.browser(t, ada), w.browser(t, grace)
	asked := b.consent(w.asks(t, "approval_required"), decide{as: ada})
	thief.has(thief.answer(asked, "allow"), "Use the same browser")
	for _, form := range []url.Values{{}, {"token": {"x"}}, {"token": {"x", "y"}, "answer": {"allow"}}, {"token": {"x"}, "answer": {"allow"}}} {
		if got := b.post(w.address+"/oauthcallback/approve", form); got.status < 400 || got.status >= 500 {
			t.Errorf("%v: %d", form, got.status)
		}
	}
	if w.approvals(t, ada) != 0 {
		t.Error("approved by somebody else")
	}
	b.has(b.answer(asked, "refuse"), "Not allowed")
	b.has(b.answer(asked, "allow"), "This link was already used")
	if w.approvals(t, ada) != 0 {
		t.Error("approved by a used token")
	}
	again := b.consent(w.asks(t, "approval_required"), decide{as: ada})
	w.clock.advance(11 * time.Minute)
	b.has(b.answer(again, "allow"), "This link has expired")
}

func TestTheTokenOfAQuestionIsNoConsentAndAStateIsNoAnswer(t *testing.T) {
	t.Parallel()
	w := unapproved(t)
	b := w.browser(t, ada)
	asked := b.consent(w.asks(t, "approval_required"), decide{as: ada})
	token := inputs(asked.body).Get("token")
	b.has(b.open(w.address+"/oauthcallback/callback?code=x&state="+url.QueryEscape(token)), "This link has expired")
	started := b.open(w.asks(t, "approval_required"))
	state := started.url.Query().Get("state")
	if state == "" {
		t.Fatalf("no state in %s", started.url)
	}
	b.has(b.post(w.address+"/oauthcallback/approve", url.Values{"token": {state}, "answer": {"allow"}}), "This link has expired")
	if w.approvals(t, ada) != 0 {
		t.Error("something was approved")
	}
}

func TestTheQuestionIsAPageThatOnlyAnswersToItself(t *testing.T) {
	t.Parallel()
	w := unapproved(t)
	c := caller()
	c.ID, c.UniqueID, c.Email, c.Name = "another", "109000000000000000002", "another@tools.iam.gserviceaccount.com", `<script>alert(1)</script>`
	w.put(t, c)
	link, err := w.consent.InviteToApprove(t.Context(), resource.Named(ada.User()), consent.Wish{Caller: c.ID, Actions: []string{"spaces.create"}}, capability.CreateSpaces)
	if err != nil {
		t.Fatal(err)
	}
	b := w.browser(t, ada)
	asked := b.consent(link.Reveal(), decide{as: ada})
	if strings.Contains(asked.body, "<script") || !strings.Contains(asked.body, "&lt;script&gt;") {
		t.Errorf("the system's name is markup: %s", asked.body)
	}
	if policy := asked.header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self'") || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("policy: %s", policy)
	}
}

func TestASystemThatIsGoneIsAskedAboutNoMore(t *testing.T) {
	t.Parallel()
	w := unapproved(t)
	link, err := w.consent.InviteToApprove(t.Context(), resource.Named(ada.User()), consent.Wish{Caller: "gone", Actions: []string{"spaces.create"}}, capability.CreateSpaces)
	if err != nil {
		t.Fatal(err)
	}
	b := w.browser(t, ada)
	b.has(b.consent(link.Reveal(), decide{as: ada}), "You're connected")
}

func TestWhoHasErasedEverythingApprovesNothingAnyMore(t *testing.T) {
	t.Parallel()
	w := unapproved(t)
	b := w.browser(t, ada)
	asked := b.consent(w.asks(t, "approval_required"), decide{as: ada})
	if _, err := w.grants.Erase(t.Context(), resource.Person(ada.User())); err != nil {
		t.Fatal(err)
	}
	b.has(b.answer(asked, "allow"), "This link has expired")
	if w.approvals(t, ada) != 0 {
		t.Error("something was approved")
	}
}

// Attack: the answer to a question comes while its person disconnects, so that
// the yes would outlive the grant.
func TestAYesThatRacesADisconnectIsWithdrawn(t *testing.T) {
	for writes := 1; writes <= 2; writes++ { // before the token is taken, before the approval is stored
		synctest.Test(t, func(t *testing.T) {
			var tr *trial
			n := 0
			tr = newTrial(t, &failure{name: "she disconnects", store: func(ctx context.Context, c vaulttest.Call) error {
				if c.Write && !c.After && n >= 0 {
					if n++; n == writes {
						n = -1
						if _, err := tr.grants.Disconnect(ctx, resource.Person(ada.User())); err != nil {
							t.Error(err)
						}
					}
				}
				return nil
			}}, true)
			tr.connect()
			g, err := tr.vault.Grant(t.Context(), resource.Person(ada.User()))
			if err != nil {
				t.Fatal(err)
			}
			cookie := sha256.Sum256([]byte("cookie"))
			if err := tr.vault.CreatePending(t.Context(), config.NewSecret("question"), vault.Pending{Person: resource.Person(ada.User()), Purpose: "approve", Caller: incidentTool, Actions: []string{"spaces.create"}, Authority: "user", Asked: tr.clock.now(), Connected: g.Connected, Browser: cookie[:]}); err != nil {
				t.Fatal(err)
			}
			tr.arm(1)
			_, err = tr.consent.Answer(t.Context(), config.NewSecret("question"), config.NewSecret("cookie"), true)
			tr.calm()
			if g, _ := tr.grant(); n != -1 || err == nil || len(g.Approvals) != 0 {
				t.Errorf("write %d: %v; left %v", writes, err, g.Approvals)
			}
			tr.connect()
			if got := tr.post(); got.Code != http.StatusForbidden {
				t.Errorf("connected anew, without a new yes: %d %s", got.Code, got.Body)
			}
		})
	}
}

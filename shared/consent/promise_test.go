package consent_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// storePeople stores grants of n people, each with an approval of one system, and returns the people.
func (w *world) storePeople(n int) []google.Person {
	w.t.Helper()
	now := w.deps.Now()
	out := make([]google.Person, n)
	for i := range out {
		email := fmt.Sprintf("person-%d@example.com", i)
		p := google.Person{Sub: fmt.Sprintf("2%020d", i), Email: email, Domain: "example.com"}
		refresh, access := w.google.Connect(p, createScope)
		g := vault.Grant{
			Person: resource.Person(p.User()), ClientID: "client", Scopes: []string{"email", createScope, "openid"},
			Status: vault.Connected, Generation: 1, ConnectedAt: now, SignedInAt: now,
			RefreshToken: config.NewSecret(refresh), AccessToken: config.NewSecret(access),
			AccessExpiry: now.Add(time.Hour), RefreshedAt: now,
			Email: config.NewSecret(p.Email), EmailAt: now, Domain: p.Domain,
			RefreshDay: now, LastUsedDay: now, Due: now.Add(150 * day),
		}
		g.Approve("tickets", "user", []string{"spaces.create"}, now)
		_, err := w.deps.Vault.SaveGrant(w.t.Context(), g)
		check(w.t, err)
		out[i] = p
	}
	return out
}

// checkUnchanged checks that each grant is connected and has its approval.
func (w *world) checkUnchanged(people []google.Person) {
	w.t.Helper()
	for _, p := range people {
		g, ok := w.storedGrant(p)
		approved := g.HasApproved("tickets", "user", "spaces.create")
		if !ok || g.Status != vault.Connected || g.RefreshToken.Empty() || !approved {
			w.t.Fatalf("%s: %v, %s, %d approvals", p.Email, ok, g.Status, len(g.ValidApprovals()))
		}
	}
}

// An API outage must not end any grant.
func TestAct_APIRejectsAllTokens(t *testing.T) {
	w := newWorld(t)
	people := w.storePeople(1000)
	needed := []capability.Capability{create}
	for _, rejection := range []error{googlecall.ErrToken, googlecall.ErrScope, googlecall.ErrToken} {
		for _, p := range people {
			err := w.Act(t.Context(), resource.Person(p.User()), needed, func(oauth2.TokenSource) error {
				return fmt.Errorf("chat: %w", rejection)
			})
			if fault.KindOf(err) != fault.Unavailable {
				t.Fatalf("%v: %v", rejection, err)
			}
		}
		w.offset.Add(int64(5 * time.Minute))
	}
	w.checkUnchanged(people)
	if got := strings.Count(w.log.String(), "a Google API rejects tokens that Google has just issued"); got != 1 {
		t.Errorf("alarms: got %d, want 1", got)
	}
	for _, p := range people[:10] {
		err := w.Act(t.Context(), resource.Person(p.User()), needed, func(oauth2.TokenSource) error { return nil })
		if err != nil {
			t.Errorf("afterwards: %v", err)
		}
	}
}

// An outage of the token endpoint that looks like invalid_grant.
func TestSweep_RestoresSuspendedGrants(t *testing.T) {
	w := newWorld(t)
	people := w.storePeople(1000)
	w.offset.Add(int64(2 * time.Hour))
	check(t, w.google.SetSwitch("invalid-grant", true))
	for _, p := range people {
		if _, ok := capability.AsConsentError(w.token(p, create)); !ok {
			t.Fatal("a grant is used despite invalid_grant")
		}
	}
	if got := strings.Count(w.log.String(), "Google rejects many refresh tokens"); got != 1 {
		t.Errorf("alarms: got %d, want 1", got)
	}
	check(t, w.google.SetSwitch("invalid-grant", false))
	w.offset.Add(int64(time.Hour))
	if got := w.sweep(); got.Restored != 1000 || got.Erased != 0 {
		t.Errorf("got %+v", got)
	}
	w.checkUnchanged(people)
	if err := w.token(people[999], create); err != nil {
		t.Errorf("restored: %v", err)
	}
}

// An administrator removes the app for everyone, or Google's events claim so by mistake.
func TestAppRemoved_ManyInOneDay(t *testing.T) {
	w := newWorld(t)
	people := w.storePeople(21)
	for _, p := range people[:20] {
		check(t, w.RecordAppRemoved(t.Context(), resource.Person(p.User()), w.deps.Now()))
	}
	const alarm = "many people removed the app today"
	if strings.Contains(w.log.String(), alarm) {
		t.Error("twenty removals raise an alarm")
	}
	check(t, w.RecordAppRemoved(t.Context(), resource.Person(people[20].User()), w.deps.Now()))
	if got := strings.Count(w.log.String(), alarm); got != 1 {
		t.Errorf("alarms: got %d, want 1", got)
	}
	w.offset.Add(int64(6 * day))
	if got := w.sweep(); got.Ended != 0 {
		t.Errorf("before a week: %+v", got)
	}
	w.checkUnchanged(people)
}

// An address that passed to another account must not lead to the first account.
func TestFindByEmail_ReassignedAddress(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.google.ChangeEmail(ada, "ada.lovelace@example.com")
	w.offset.Add(int64(2 * time.Hour))
	check(t, w.token(ada, create)) // refreshes, and receives an ID token
	if _, err := w.FindByEmail(t.Context(), "ada@example.com"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("old address: %v", err)
	}
	if person, err := w.FindByEmail(t.Context(), "Ada.Lovelace@example.com"); err != nil || person != adaID {
		t.Errorf("new address: %s, %v", person, err)
	}
	w.google.ChangeEmail(grace, "ada@example.com")
	w.connect(grace, create)
	if person, err := w.FindByEmail(t.Context(), "ada@example.com"); err != nil || person != graceID {
		t.Errorf("new owner: %s, %v", person, err)
	}
}

// A consumer account may have a company's address, without Google confirming it as authoritative.
func TestFindByEmail_SpoofedCompanyAddress(t *testing.T) {
	w := newWorld(t)
	mallory := google.Person{Sub: "100000000000000000666", Name: "Mallory", Email: "mallory@example.com"}
	w.google.AddAccount(mallory)
	link, err := w.Invite(t.Context(), resource.Named(mallory.Email), config.Secret{}, create)
	check(t, err)
	_, invitation, _ := strings.Cut(link.Reveal(), "invitation=")
	_, err = w.Finish(t.Context(), w.giveConsent(config.NewSecret(invitation), mallory))
	if refusalReason(err) != consent.WrongAccount {
		t.Errorf("invited by address: %v", err)
	}
	w.connect(mallory, create)
	if _, err := w.FindByEmail(t.Context(), mallory.Email); fault.KindOf(err) != fault.NotFound {
		t.Errorf("found by address: %v", err)
	}
}

func TestFindByEmail_UnverifiedAddress(t *testing.T) {
	w := newWorld(t)
	w.google.MarkEmailUnverified(ada)
	link, err := w.Invite(t.Context(), resource.Named(ada.Email), config.Secret{}, create)
	check(t, err)
	_, invitation, _ := strings.Cut(link.Reveal(), "invitation=")
	_, err = w.Finish(t.Context(), w.giveConsent(config.NewSecret(invitation), ada))
	if refusalReason(err) != consent.WrongAccount {
		t.Errorf("invited by address: %v", err)
	}
	w.connect(ada, create)
	if _, err := w.FindByEmail(t.Context(), ada.Email); fault.KindOf(err) != fault.NotFound {
		t.Errorf("found by address: %v", err)
	}
}

// Creating or forwarding a link must not reveal who is connected.
func TestInvite_LinkRevealsNothing(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create, members)
	type observation struct {
		size          int
		reads, writes int64
		parameters    string
	}
	wish := consent.ApprovalRequest{Caller: "tickets", Actions: []string{"spaces.create"}, Authority: "user"}
	observe := func(named resource.Named) observation {
		t.Helper()
		reads := w.docs.Reads()
		link, err := w.InviteToApprove(t.Context(), named, wish, create, members)
		check(t, err)
		_, invitation, _ := strings.Cut(link.Reveal(), "invitation=")
		writes := w.docs.Writes()
		address, err := w.Start(t.Context(), config.NewSecret(invitation), browser)
		check(t, err)
		u, err := url.Parse(address.Reveal())
		check(t, err)
		q := u.Query()
		if q.Get("prompt") != "" {
			t.Errorf("%s: prompt=%s", named, q.Get("prompt"))
		}
		for _, name := range []string{"state", "nonce", "code_challenge", "login_hint"} {
			q.Set(name, fmt.Sprint(len(q.Get(name)) > 0))
		}
		return observation{len(link.Reveal()), w.docs.Reads() - reads, w.docs.Writes() - writes, q.Encode()}
	}
	connected, unknown := observe("ada@example.com"), observe("somebody.with.a.long.address@example.com")
	if connected != unknown {
		t.Errorf("connected %+v, unknown %+v", connected, unknown)
	}
	byID := observe(resource.Named(ada.User()))
	if byID != observe("users/999") || byID.size != connected.size {
		t.Errorf("by ID: %+v", byID)
	}
}

// Opening a link must not fill the store.
func TestStart_RepeatedInOneBrowser(t *testing.T) {
	w := newWorld(t)
	link := w.invite(ada, completion, create)
	var first config.Secret
	for i := range 500 {
		address, err := w.Start(t.Context(), link, browser)
		check(t, err)
		if i == 0 {
			first = address
		}
		if !address.Equal(first) {
			t.Fatal("the link started another consent")
		}
	}
	if left, err := w.docs.List(t.Context(), "pendingConsents", "", 10); err != nil || len(left) != 1 {
		t.Errorf("%d consents in progress, %v", len(left), err)
	}
	other, err := w.Start(t.Context(), link, config.NewSecret("another-browser"))
	if err != nil || other.Equal(first) {
		t.Errorf("another browser gets the state of the first: %v", err)
	}
}

// A narrower ALLOWED_DOMAINS must also apply to connected people.
func TestAllowedDomains_Narrowed(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	narrow := w.instanceWith(func(d *grants.Deps) { d.Domains = []string{"other.example"} })
	if _, err := narrow.TokenSource(t.Context(), adaID, create); fault.KindOf(err) != fault.Denied {
		t.Errorf("token: %v", err)
	}
	code := w.google.IssueAuthCode(ada, "", true, createScope)
	_, err := narrow.AcceptAppCode(t.Context(), resource.Named(ada.User()), consent.AppCode{
		Code: config.NewSecret(code), CheckDomain: func(string) error { return nil },
	})
	if fault.KindOf(err) != fault.Denied {
		t.Errorf("app code: %v", err)
	}
	if err := w.token(ada, create); err != nil {
		t.Errorf("the grant has changed: %v", err)
	}
}

// markGrant stores a security event with its time in Ada's grant.
func (w *world) markGrant(mark vault.Mark, at time.Time) {
	w.t.Helper()
	if _, err := vault.New(w.docs, nil, w.deps.Now).MarkGrant(w.t.Context(), adaID, mark, at); err != nil {
		w.t.Fatal(err)
	}
}

func TestRevokedAt_CloseToSignIn(t *testing.T) {
	for _, gap := range []time.Duration{-59 * time.Second, 0, 59 * time.Second} {
		w := newWorld(t)
		w.connect(ada, create)
		g, _ := w.storedGrant(ada)
		w.offset.Add(int64(2 * time.Minute))
		w.markGrant(vault.RevokedAt, g.SignedInAt.Add(gap))
		w.instance = newInstance(w.deps)
		if err := w.token(ada, create); err != nil || w.refreshCount() != 1 {
			t.Errorf("%v: first use: %v, %d refreshes", gap, err, w.refreshCount())
		}
		if err := w.token(ada, create); err != nil || w.refreshCount() != 1 {
			t.Errorf("%v: second use: %v, %d refreshes", gap, err, w.refreshCount())
		}
	}
}

func TestRevokedAt_AfterSignIn(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.storeApprovals(ada, "tickets")
	w.offset.Add(int64(10 * time.Minute))
	w.markGrant(vault.RevokedAt, w.deps.Now())
	w.instance = newInstance(w.deps) // with an empty cache
	needs, ok := capability.AsConsentError(w.token(ada, create))
	if !ok || !needs.Ended || w.refreshCount() != 0 {
		t.Errorf("got %+v, %d refreshes", needs, w.refreshCount())
	}
	if _, usable, err := w.Lookup(t.Context(), resource.Named(ada.User())); err != nil || usable {
		t.Errorf("usable %v, %v", usable, err)
	}
	// A hijacker may have approved systems. A new sign-in does not restore these approvals.
	w.offset.Add(int64(10 * time.Minute))
	w.google.RevokeGrant(ada)
	w.connect(ada, create)
	if g, _ := w.storedGrant(ada); len(g.Approvals) != 0 || w.token(ada, create) != nil {
		t.Errorf("%d approvals are left", len(g.Approvals))
	}
}

func TestRevokedAt_CachedGrant(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.offset.Add(int64(10 * time.Minute))
	check(t, w.token(ada, create))
	w.markGrant(vault.RevokedAt, w.deps.Now())
	w.offset.Add(int64(61 * time.Second))
	if _, ok := capability.AsConsentError(w.token(ada, create)); !ok {
		t.Error("the revoked grant is still used")
	}
}

func TestSweep_ErasesRevokedGrant(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	activity := vault.Activity{Time: w.deps.Now(), Caller: "tickets", Action: "spaces.create"}
	check(t, w.deps.Vault.RecordActivity(t.Context(), adaID, "a", activity))
	w.offset.Add(int64(10 * time.Minute))
	w.markGrant(vault.RevokedAt, w.deps.Now())
	if got := w.sweep(); got.Ended != 1 {
		t.Errorf("got %+v", got)
	}
	g, ok := w.storedGrant(ada)
	if !ok || g.Status != vault.Revoked || !g.RefreshToken.Empty() || !g.Email.Empty() || len(g.Approvals) != 0 {
		t.Errorf("left: %v, %+v", ok, g)
	}
	if left, err := w.deps.Vault.Activities(t.Context(), adaID, 10); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if !w.ClaimEndNotice(t.Context(), adaID) || w.ClaimEndNotice(t.Context(), adaID) {
		t.Error("Tell does not return true exactly once")
	}
	w.offset.Add(int64(8 * day))
	if got := w.sweep(); got.Erased != 1 {
		t.Errorf("a week later: %+v", got)
	}
}

func TestRecheckAt_RefreshesFirst(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.offset.Add(int64(10 * time.Minute))
	w.markGrant(vault.RecheckAt, w.deps.Now())
	w.offset.Add(int64(61 * time.Second))
	if err := w.token(ada, create); err != nil || w.refreshCount() != 1 {
		t.Errorf("%v, %d refreshes", err, w.refreshCount())
	}
}

// A disconnect in progress would revoke the token of a new sign-in.
func TestFinish_DuringDisconnect(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	callback := w.giveConsent(w.invite(ada, completion, create), ada)
	stuck := w.instanceWith(func(d *grants.Deps) { d.Vault = vault.New(&undeletableDocs{Docs: w.docs}, d.Keys, d.Now) })
	if _, err := stuck.Disconnect(t.Context(), adaID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Finish(t.Context(), callback); err == nil {
		t.Error("stored a grant whose token is revoked")
	}
	w.connect(ada, create)
	check(t, w.token(ada, create))
}

func TestRefresh_OtherAccountsIDToken(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	graceToken, _ := w.google.Connect(grace, createScope)
	g, _ := w.storedGrant(ada)
	g.RefreshToken = config.NewSecret(graceToken)
	_, err := w.deps.Vault.SaveGrant(t.Context(), g)
	check(t, err)
	w.offset.Add(int64(2 * time.Hour))
	w.instance = newInstance(w.deps)
	_ = w.token(ada, create)
	if !strings.Contains(w.log.String(), "a refresh returned the ID token of another account") {
		t.Error("no alarm")
	}
	if g, _ := w.storedGrant(ada); g.Email.Reveal() != ada.Email {
		t.Errorf("got address %s", g.Email.Reveal())
	}
}

// A panic in a shared refresh must not crash the program.
func TestRefresh_Panic(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.offset.Add(int64(2 * time.Hour))
	broken := w.instanceWith(func(d *grants.Deps) { d.IDTokens = (*googleauth.Verifier)(nil) })
	_, err := broken.TokenSource(t.Context(), adaID, create)
	if _, ok := errors.AsType[*fault.PanicError](err); !ok {
		t.Errorf("got %v", err)
	}
	check(t, w.token(ada, create))
}

// A security event arrives late, after the owner has signed in again.
func TestApprovals_HijackedAccount(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.storeApprovals(ada, "evil") // by the hijacker
	w.offset.Add(int64(5 * time.Minute))
	eventTime := w.deps.Now()
	w.offset.Add(int64(5 * time.Minute))
	w.connect(ada, create) // by the owner
	w.markGrant(vault.RevokedAt, eventTime)
	g, usable, err := w.Lookup(t.Context(), resource.Named(ada.User()))
	if err != nil || !usable {
		t.Fatalf("the owner's grant has ended: %v", err)
	}
	if g.HasApproved("evil", "user", "spaces.create") || len(g.ValidApprovals()) != 0 {
		t.Error("the hijacker's approval counts")
	}
	w.offset.Add(int64(time.Minute))
	w.storeApprovals(ada, "tickets")
	g, _ = w.storedGrant(ada)
	if !g.HasApproved("tickets", "user", "spaces.create") || g.HasApproved("evil", "user", "spaces.create") {
		t.Error("the owner's approval does not count")
	}
}

func TestApprovals_EventCloseToSignIn(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.offset.Add(int64(20 * time.Second))
	w.storeApprovals(ada, "tickets")
	g, _ := w.storedGrant(ada)
	w.offset.Add(int64(2 * time.Minute))
	w.markGrant(vault.RevokedAt, g.SignedInAt.Add(10*time.Second)) // within the clock skew
	w.google.RevokeGrant(ada)
	w.connect(ada, create)
	if g, _ := w.storedGrant(ada); len(g.ValidApprovals()) != 0 {
		t.Error("a doubtful approval was kept")
	}
}

// A stolen session keeps the page with the question open.
func TestAnswer_StolenSession(t *testing.T) {
	for _, mark := range []vault.Mark{vault.SessionsEndedAt, vault.RevokedAt} {
		w := newWorld(t)
		w.connect(ada, create)
		w.offset.Add(int64(5 * time.Minute))
		wish := consent.ApprovalRequest{Caller: "tickets", Actions: []string{"spaces.create"}, Authority: "user"}
		link, err := w.InviteToApprove(t.Context(), resource.Named(ada.User()), wish, create)
		check(t, err)
		_, invitation, _ := strings.Cut(link.Reveal(), "invitation=")
		out, err := w.Finish(t.Context(), w.giveConsent(config.NewSecret(invitation), ada))
		if err != nil || out.Question == nil {
			t.Fatalf("%+v, %v", out, err)
		}
		w.offset.Add(int64(time.Minute))
		w.markGrant(mark, w.deps.Now())
		_, err = w.Answer(t.Context(), out.Question.Token, browser, true)
		if refusalReason(err) != consent.LinkExpired {
			t.Errorf("%s: %v", mark, err)
		}
		if g, _ := w.storedGrant(ada); len(g.Approvals) != 0 {
			t.Errorf("%s: the approval was stored", mark)
		}
	}
}

// A save that is cached late must not replace a grant that has ended since.
func TestCache_OlderGeneration(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	slow := &slowSaveDocs{Docs: w.docs, landed: make(chan struct{}), open: make(chan struct{})}
	a := w.instanceWith(func(d *grants.Deps) { d.Vault = vault.New(slow, d.Keys, d.Now) })
	done := make(chan error, 1)
	go func() { done <- a.RecordAppRemoved(t.Context(), adaID, w.deps.Now()) }() // blocks after its save
	<-slow.landed
	if _, err := a.Disconnect(t.Context(), adaID); err != nil {
		t.Fatal(err)
	}
	close(slow.open)
	check(t, <-done)
	if _, err := a.TokenSource(t.Context(), adaID, create); fault.KindOf(err) != fault.NeedsConsent {
		t.Errorf("a disconnected grant is used: %v", err)
	}
}

// Grants that stay due must not block the others.
func TestSweep_WaitingGrantsDoNotBlock(t *testing.T) {
	w := newWorld(t)
	people := w.storePeople(201)
	w.offset.Add(int64(151 * day))
	for _, p := range people {
		w.google.RequireReauth(p, true)
	}
	w.sweep() // marks all of them as requiring a sign-in
	w.connect(ada, create)
	w.offset.Add(int64(2 * time.Minute))
	w.markGrant(vault.RevokedAt, w.deps.Now())
	w.offset.Add(int64(day + time.Hour)) // all are due again
	if got := w.sweep(); got.Ended != 1 {
		t.Errorf("behind the waiting ones: %+v", got)
	}
	if got := w.sweep(); got.Seen != 0 {
		t.Errorf("next sweep: %+v", got)
	}
}

// A person who removed the app is disconnected and never restored.
func TestSweep_AppRemovedWhileSuspended(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.offset.Add(int64(2 * time.Hour))
	check(t, w.google.SetSwitch("invalid-grant", true))
	if _, ok := capability.AsConsentError(w.token(ada, create)); !ok {
		t.Fatal("the grant is used")
	}
	check(t, w.RecordAppRemoved(t.Context(), adaID, w.deps.Now()))
	w.offset.Add(int64(time.Hour))
	w.sweep()
	w.offset.Add(int64(day))
	w.sweep()
	check(t, w.google.SetSwitch("invalid-grant", false))
	w.offset.Add(int64(8 * day))
	if got := w.sweep(); got.Restored != 0 || got.Ended != 1 {
		t.Errorf("got %+v", got)
	}
	if _, ok := w.storedGrant(ada); ok || w.google.RefreshToken(ada) != "" {
		t.Error("a grant or a token is left")
	}
}

func TestSweep_EventsUseNoRetry(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.offset.Add(int64(2 * time.Hour))
	w.google.RevokeGrant(ada)
	if _, ok := capability.AsConsentError(w.token(ada, create)); !ok {
		t.Fatal("the grant is used")
	}
	for range 4 {
		w.offset.Add(int64(time.Minute))
		w.markGrant(vault.RecheckAt, w.deps.Now())
		w.sweep()
	}
	if g, ok := w.storedGrant(ada); !ok || g.Status != vault.Suspended || g.Retries != 0 {
		t.Errorf("%v, %s after %d retries", ok, g.Status, g.Retries)
	}
}

func TestSweep_SuspendedNeedsSignIn(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.offset.Add(int64(2 * time.Hour))
	check(t, w.google.SetSwitch("invalid-grant", true))
	_ = w.token(ada, create)
	check(t, w.google.SetSwitch("invalid-grant", false))
	w.google.RequireReauth(ada, true)
	w.offset.Add(int64(time.Hour))
	if got := w.sweep(); got.Restored != 1 {
		t.Errorf("got %+v", got)
	}
	if needs, ok := capability.AsConsentError(w.token(ada, create)); !ok || !needs.SignInRequired {
		t.Errorf("got %+v", needs)
	}
}

func TestRevocation_NewerSuspendedGrant(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.google.Fail("revoke", 503)
	if _, err := w.Disconnect(t.Context(), adaID); err != nil {
		t.Fatal(err)
	}
	w.connect(ada, create)
	g, _ := w.storedGrant(ada)
	g.Status, g.SuspendedAt, g.AccessToken = vault.Suspended, w.deps.Now(), config.Secret{}
	g.Due = w.deps.Now().Add(time.Hour)
	_, err := w.deps.Vault.SaveGrant(t.Context(), g)
	check(t, err)
	if got := w.sweep(); got.Revoked != 0 {
		t.Errorf("the newer token was revoked: %+v", got)
	}
}

func TestSweep_SecondEventKeepsTombstone(t *testing.T) {
	w := newWorld(t)
	w.connect(ada, create)
	w.offset.Add(int64(10 * time.Minute))
	w.markGrant(vault.RevokedAt, w.deps.Now())
	w.sweep()
	w.offset.Add(int64(time.Minute))
	w.markGrant(vault.RevokedAt, w.deps.Now())
	w.sweep()
	if _, ok := w.storedGrant(ada); !ok || !w.ClaimEndNotice(t.Context(), adaID) {
		t.Error("the person is not notified")
	}
}

// An attacker plants or alters a pending consent.
func TestFinish_TamperedPendingConsent(t *testing.T) {
	w := newWorld(t)
	callback := w.giveConsent(w.invite(ada, completion, create), ada)
	docs, err := w.docs.List(t.Context(), "pendingConsents", "", 10)
	if err != nil || len(docs) != 1 {
		t.Fatalf("%v, %v", docs, err)
	}
	docs[0].Fields["sealed"] = []byte(`{"person":"users/666"}`)
	_, err = w.docs.Replace(t.Context(), "pendingConsents", docs[0].ID, docs[0].Fields, docs[0].Version)
	check(t, err)
	_, err = w.Finish(t.Context(), callback)
	alarm := strings.Contains(w.log.String(), "a pending consent does not open")
	if refusalReason(err) != consent.LinkExpired || !alarm {
		t.Errorf("%v; log %s", err, w.log)
	}
	if _, ok := w.storedGrant(ada); ok {
		t.Error("a grant is stored")
	}
}

func TestAlarm_TamperedRecord(t *testing.T) {
	w := newWorld(t)
	fields := vault.Fields{"sealed": []byte("x"), "person": ada.User()}
	_, err := w.docs.Create(t.Context(), "operations", "planted", fields)
	check(t, err)
	for range 3 {
		if _, err := w.deps.Vault.Operation(t.Context(), "planted"); err == nil {
			t.Error("the planted record opened")
		}
	}
	if got := strings.Count(w.log.String(), "a stored record does not open"); got != 1 {
		t.Errorf("alarms: got %d, want 1: %s", got, w.log)
	}
}

// Google asks for consent a second time only if no refresh token covers the request.
func TestFinish_SecondConsentPrompt(t *testing.T) {
	w := newWorld(t)
	finish := func(c ...capability.Capability) consent.Outcome {
		t.Helper()
		out, err := w.Finish(t.Context(), w.giveConsent(w.invite(ada, completion, c...), ada))
		check(t, err)
		return out
	}
	if out := finish(create); !out.ConsentURL.Empty() {
		t.Error("the first sign-in asks twice")
	}
	if out := finish(create); !out.ConsentURL.Empty() {
		t.Error("asks twice although a refresh token is stored")
	}
	if out := finish(create, members); !strings.Contains(out.ConsentURL.Reveal(), "prompt=consent") ||
		out.Person != "" {
		t.Errorf("does not ask again although no refresh token covers the request: %+v", out)
	}
	if _, err := w.Disconnect(t.Context(), adaID); err != nil {
		t.Fatal(err)
	}
	if out := finish(create); !out.ConsentURL.Empty() {
		t.Error("asks twice after a disconnect")
	}
}

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

// crowd stores n people's grants, each approved for one system, and gives them.
func (w *world) crowd(n int) []google.Person {
	w.t.Helper()
	now := w.deps.Now()
	out := make([]google.Person, n)
	for i := range out {
		p := google.Person{Sub: fmt.Sprintf("2%020d", i), Email: fmt.Sprintf("person-%d@example.com", i), Domain: "example.com"}
		refresh, access := w.google.Connect(p, createScope)
		g := vault.Grant{
			Person: resource.Person(p.User()), ClientID: "client", Scopes: []string{"email", createScope, "openid"}, Status: vault.Connected, Generation: 1, Connected: now, SignedIn: now,
			RefreshToken: config.NewSecret(refresh), AccessToken: config.NewSecret(access), AccessExpiry: now.Add(time.Hour), Refreshed: now,
			Email: config.NewSecret(p.Email), EmailAt: now, Domain: p.Domain, RefreshDay: now, LastUsedDay: now, Due: now.Add(150 * oneDay),
		}
		g.Approve("tickets", "user", []string{"spaces.create"}, now)
		_, err := w.deps.Vault.SaveGrant(w.t.Context(), g)
		check(w.t, err)
		out[i] = p
	}
	return out
}

// whole wants everybody's grant to be as it was, with its approval.
func (w *world) whole(people []google.Person) {
	w.t.Helper()
	for _, p := range people {
		if g, ok := w.stored(p); !ok || g.Status != vault.Connected || g.RefreshToken.Empty() || !g.Approved("tickets", "user", "spaces.create") {
			w.t.Fatalf("%s: %v, %s, %d approvals", p.Email, ok, g.Status, len(g.Standing()))
		}
	}
}

// S1: an outage of an API must not cost anybody their grant.
func TestAnAPIThatRefusesEverybodyForTenMinutesEndsNoGrant(t *testing.T) {
	w := begin(t)
	people := w.crowd(1000)
	for _, refusal := range []error{googlecall.ErrToken, googlecall.ErrScope, googlecall.ErrToken} {
		for _, p := range people {
			err := w.Act(t.Context(), resource.Person(p.User()), []capability.Capability{create}, func(oauth2.TokenSource) error { return fmt.Errorf("chat: %w", refusal) })
			if fault.KindOf(err) != fault.Unavailable {
				t.Fatalf("%v: %v", refusal, err)
			}
		}
		w.ahead.Add(int64(5 * time.Minute))
	}
	w.whole(people)
	if got := strings.Count(w.log.String(), "a Google API refuses tokens that Google has just given"); got != 1 {
		t.Errorf("alarms: got %d, want 1", got)
	}
	for _, p := range people[:10] {
		if err := w.Act(t.Context(), resource.Person(p.User()), []capability.Capability{create}, func(oauth2.TokenSource) error { return nil }); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	}
}

// S9: an outage of the token endpoint that looks like invalid_grant.
func TestAThousandSuspendedGrantsAreRestoredWithTheirApprovals(t *testing.T) {
	w := begin(t)
	people := w.crowd(1000)
	w.ahead.Add(int64(2 * time.Hour))
	check(t, w.google.SetSwitch("invalid-grant", true))
	for _, p := range people {
		if _, ok := capability.Needed(w.token(p, create)); !ok {
			t.Fatal("a refused token is used")
		}
	}
	if got := strings.Count(w.log.String(), "Google refuses the refresh tokens of many people"); got != 1 {
		t.Errorf("alarms: got %d, want 1", got)
	}
	check(t, w.google.SetSwitch("invalid-grant", false))
	w.ahead.Add(int64(time.Hour))
	if got := w.sweep(); got.Restored != 1000 || got.Forgotten != 0 {
		t.Errorf("got %+v", got)
	}
	w.whole(people)
	if err := w.token(people[999], create); err != nil {
		t.Errorf("restored: %v", err)
	}
}

// S9: somebody makes people lose the app, or Google's events say so by mistake.
func TestManyRemovalsInADayAlarmBeforeAnythingEnds(t *testing.T) {
	w := begin(t)
	people := w.crowd(21)
	for _, p := range people[:20] {
		check(t, w.AppRemoved(t.Context(), resource.Person(p.User()), w.deps.Now()))
	}
	const alarm = "many people removed the app today"
	if strings.Contains(w.log.String(), alarm) {
		t.Error("twenty are too many")
	}
	check(t, w.AppRemoved(t.Context(), resource.Person(people[20].User()), w.deps.Now()))
	if got := strings.Count(w.log.String(), alarm); got != 1 {
		t.Errorf("alarms: got %d, want 1", got)
	}
	w.ahead.Add(int64(6 * oneDay))
	if got := w.sweep(); got.Ended != 0 {
		t.Errorf("before a week: %+v", got)
	}
	w.whole(people)
}

// S4: an address that passed to another account must not lead to the first.
func TestAnAddressThatPassedOnLeadsToItsNewOwner(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.google.ChangeEmail(ada, "ada.lovelace@example.com")
	w.ahead.Add(int64(2 * time.Hour))
	check(t, w.token(ada, create)) // its refresh brings an ID token
	if _, err := w.Find(t.Context(), "ada@example.com"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("the old address: %v", err)
	}
	if who, err := w.Find(t.Context(), "Ada.Lovelace@example.com"); err != nil || who != resource.Person(ada.User()) {
		t.Errorf("the new one: %s, %v", who, err)
	}
	w.google.ChangeEmail(grace, "ada@example.com")
	w.connect(grace, create)
	if who, err := w.Find(t.Context(), "ada@example.com"); err != nil || who != resource.Person(grace.User()) {
		t.Errorf("its new owner: %s, %v", who, err)
	}
}

// S4: a consumer account may carry a company's address, and Google does not say
// that it owns it.
func TestAConsumerAccountWithACompanysAddressIsNobodyThere(t *testing.T) {
	w := begin(t)
	mallory := google.Person{Sub: "100000000000000000666", Name: "Mallory", Email: "mallory@example.com"}
	w.google.AddAccount(mallory)
	link, err := w.Invite(t.Context(), resource.Named(mallory.Email), config.Secret{}, create)
	check(t, err)
	_, invitation, _ := strings.Cut(link.Reveal(), "invitation=")
	if _, err := w.Finish(t.Context(), w.consented(config.NewSecret(invitation), mallory)); reason(err) != consent.WrongAccount {
		t.Errorf("invited by the address: %v", err)
	}
	w.connect(mallory, create)
	if _, err := w.Find(t.Context(), mallory.Email); fault.KindOf(err) != fault.NotFound {
		t.Errorf("found by the address: %v", err)
	}
}

func TestAnAddressThatGoogleHasNotVerifiedCountsForNothing(t *testing.T) {
	w := begin(t)
	w.google.MarkEmailUnverified(ada)
	link, err := w.Invite(t.Context(), resource.Named(ada.Email), config.Secret{}, create)
	check(t, err)
	_, invitation, _ := strings.Cut(link.Reveal(), "invitation=")
	if _, err := w.Finish(t.Context(), w.consented(config.NewSecret(invitation), ada)); reason(err) != consent.WrongAccount {
		t.Errorf("invited by the address: %v", err)
	}
	w.connect(ada, create)
	if _, err := w.Find(t.Context(), ada.Email); fault.KindOf(err) != fault.NotFound {
		t.Errorf("found by the address: %v", err)
	}
}

// S5: who passes a link on, or makes one, must not learn who is connected.
func TestALinkTellsNothingOfItsPerson(t *testing.T) {
	w := begin(t)
	w.connect(ada, create, members)
	type seen struct {
		size          int
		reads, writes int64
		parameters    string
	}
	look := func(who resource.Named, c ...capability.Capability) seen {
		t.Helper()
		reads := w.docs.Reads()
		link, err := w.InviteToApprove(t.Context(), who, consent.Wish{Caller: "tickets", Actions: []string{"spaces.create"}, Authority: "user"}, c...)
		check(t, err)
		_, invitation, _ := strings.Cut(link.Reveal(), "invitation=")
		writes := w.docs.Writes()
		address, err := w.Start(t.Context(), config.NewSecret(invitation), browser)
		check(t, err)
		u, err := url.Parse(address.Reveal())
		check(t, err)
		q := u.Query()
		if q.Get("prompt") != "" {
			t.Errorf("%s: prompt=%s", who, q.Get("prompt"))
		}
		for _, name := range []string{"state", "nonce", "code_challenge", "login_hint"} {
			q.Set(name, fmt.Sprint(len(q.Get(name)) > 0))
		}
		return seen{len(link.Reveal()), w.docs.Reads() - reads, w.docs.Writes() - writes, q.Encode()}
	}
	connected, stranger := look("ada@example.com", create, members), look("somebody.with.a.long.address@example.com", create, members)
	if connected != stranger {
		t.Errorf("connected %+v, stranger %+v", connected, stranger)
	}
	if byID := look(resource.Named(ada.User()), create, members); byID != look("users/999", create, members) || byID.size != connected.size {
		t.Errorf("by id: %+v", byID)
	}
}

// S6: opening a link must not fill the store.
func TestOneBrowserAndOneLinkHaveOneConsentInProgress(t *testing.T) {
	w := begin(t)
	link := w.invite(ada, answer, create)
	var first config.Secret
	for i := range 500 {
		address, err := w.Start(t.Context(), link, browser)
		check(t, err)
		if i == 0 {
			first = address
		}
		if !address.Equal(first) {
			t.Fatal("it leads to another consent")
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

// A narrower ALLOWED_DOMAINS must count for who is connected already.
func TestANarrowedListOfDomainsStopsWhoIsConnected(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	narrow := w.another(func(d *grants.Deps) { d.Domains = []string{"other.example"} })
	if _, err := narrow.TokenSource(t.Context(), resource.Person(ada.User()), create); fault.KindOf(err) != fault.Denied {
		t.Errorf("a token: %v", err)
	}
	code := w.google.IssueAuthCode(ada, "", true, createScope)
	_, err := narrow.Accept(t.Context(), resource.Named(ada.User()), consent.AppCode{Code: config.NewSecret(code), May: func(string) error { return nil }})
	if fault.KindOf(err) != fault.Denied {
		t.Errorf("a code of an app: %v", err)
	}
	if err := w.token(ada, create); err != nil {
		t.Errorf("the grant was touched: %v", err)
	}
}

// happened notes a security event of a time.
func (w *world) happened(mark vault.Mark, at time.Time) {
	w.t.Helper()
	if _, err := vault.New(w.docs, nil, w.deps.Now).MarkGrant(w.t.Context(), resource.Person(ada.User()), mark, at); err != nil {
		w.t.Fatal(err)
	}
}

func TestAnEventCloseToTheSignInIsForGoogleToJudge(t *testing.T) {
	for _, gap := range []time.Duration{-59 * time.Second, 0, 59 * time.Second} {
		w := begin(t)
		w.connect(ada, create)
		g, _ := w.stored(ada)
		w.ahead.Add(int64(2 * time.Minute))
		w.happened(vault.RevokedAt, g.SignedIn.Add(gap))
		w.instance = newInstance(w.deps)
		if err := w.token(ada, create); err != nil || w.refreshes() != 1 {
			t.Errorf("%v: Google still takes it: %v, %d refreshes", gap, err, w.refreshes())
		}
		if err := w.token(ada, create); err != nil || w.refreshes() != 1 {
			t.Errorf("%v: asked once, it is known: %v, %d refreshes", gap, err, w.refreshes())
		}
	}
}

func TestAnEventAfterTheSignInEndsTheGrantAndItsApprovals(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.approve(ada, "tickets")
	w.ahead.Add(int64(10 * time.Minute))
	w.happened(vault.RevokedAt, w.deps.Now())
	w.instance = newInstance(w.deps) // whoever has seen the grant does so within a minute
	needs, ok := capability.Needed(w.token(ada, create))
	if !ok || !needs.Ended || w.refreshes() != 0 {
		t.Errorf("got %+v, %d refreshes", needs, w.refreshes())
	}
	if _, usable, err := w.Lookup(t.Context(), resource.Named(ada.User())); err != nil || usable {
		t.Errorf("usable %v, %v", usable, err)
	}
	// Whoever had the account may have approved systems: a new sign-in does not
	// bring those back.
	w.ahead.Add(int64(10 * time.Minute))
	w.google.RevokeGrant(ada)
	w.connect(ada, create)
	if g, _ := w.stored(ada); len(g.Approvals) != 0 || w.token(ada, create) != nil {
		t.Errorf("%d approvals are left", len(g.Approvals))
	}
}

func TestAnEventIsNoticedByWhoHasSeenTheGrantWithinAMinute(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.ahead.Add(int64(10 * time.Minute))
	check(t, w.token(ada, create))
	w.happened(vault.RevokedAt, w.deps.Now())
	w.ahead.Add(int64(61 * time.Second))
	if _, ok := capability.Needed(w.token(ada, create)); !ok {
		t.Error("it is still used")
	}
}

func TestTheSweepErasesWhatAnEventEnded(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	check(t, w.deps.Vault.NoteActivity(t.Context(), resource.Person(ada.User()), "a", vault.Activity{When: w.deps.Now(), Caller: "tickets", Action: "spaces.create"}))
	w.ahead.Add(int64(10 * time.Minute))
	w.happened(vault.RevokedAt, w.deps.Now())
	if got := w.sweep(); got.Ended != 1 {
		t.Errorf("got %+v", got)
	}
	g, ok := w.stored(ada)
	if !ok || g.Status != vault.Revoked || !g.RefreshToken.Empty() || !g.Email.Empty() || len(g.Approvals) != 0 {
		t.Errorf("left: %v, %+v", ok, g)
	}
	if acts, err := w.deps.Vault.Activities(t.Context(), resource.Person(ada.User()), 10); err != nil || len(acts) != 0 {
		t.Errorf("left: %v, %v", acts, err)
	}
	if !w.Tell(t.Context(), resource.Person(ada.User())) || w.Tell(t.Context(), resource.Person(ada.User())) {
		t.Error("the person is not told, or twice")
	}
	w.ahead.Add(int64(8 * oneDay))
	if got := w.sweep(); got.Forgotten != 1 {
		t.Errorf("a week later: %+v", got)
	}
}

func TestAfterARequiredCredentialChangeGoogleIsAskedFirst(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.ahead.Add(int64(10 * time.Minute))
	w.happened(vault.AskAt, w.deps.Now())
	w.ahead.Add(int64(61 * time.Second))
	if err := w.token(ada, create); err != nil || w.refreshes() != 1 {
		t.Errorf("%v, %d refreshes", err, w.refreshes())
	}
}

// A sign-in while a disconnect is under way would be ended by it.
func TestASignInDuringADisconnectIsAskedToComeAgain(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	callback := w.consented(w.invite(ada, answer, create), ada)
	stuck := w.another(func(d *grants.Deps) { d.Vault = vault.New(&undeleting{Docs: w.docs}, d.Keys, d.Now) })
	if _, err := stuck.Disconnect(t.Context(), resource.Person(ada.User())); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Finish(t.Context(), callback); err == nil {
		t.Error("a grant was stored whose token is revoked")
	}
	w.connect(ada, create)
	check(t, w.token(ada, create))
}

func TestARefreshThatBringsAnotherAccountAlarms(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	theirs, _ := w.google.Connect(grace, createScope)
	g, _ := w.stored(ada)
	g.RefreshToken = config.NewSecret(theirs)
	_, err := w.deps.Vault.SaveGrant(t.Context(), g)
	check(t, err)
	w.ahead.Add(int64(2 * time.Hour))
	w.instance = newInstance(w.deps)
	_ = w.token(ada, create)
	if !strings.Contains(w.log.String(), "a refresh brought the ID token of another account") {
		t.Error("no alarm")
	}
	if g, _ := w.stored(ada); g.Email.Reveal() != ada.Email {
		t.Errorf("the address is %s", g.Email.Reveal())
	}
}

// S22: a panic in a shared flight must reach nobody as the end of the program.
func TestAPanicInARefreshIsAnErrorForAllWhoWait(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.ahead.Add(int64(2 * time.Hour))
	broken := w.another(func(d *grants.Deps) { d.IDTokens = (*googleauth.Verifier)(nil) })
	_, err := broken.TokenSource(t.Context(), resource.Person(ada.User()), create)
	if _, ok := errors.AsType[*fault.Panicked](err); !ok {
		t.Errorf("got %v", err)
	}
	check(t, w.token(ada, create))
}

// S7: an event that is delivered late, after the owner has signed in again.
func TestApprovalsGivenBeforeAHijackingDoNotCountThoughTheEventIsLate(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.approve(ada, "evil") // by whoever has the account
	w.ahead.Add(int64(5 * time.Minute))
	happened := w.deps.Now()
	w.ahead.Add(int64(5 * time.Minute))
	w.connect(ada, create) // the owner is back
	w.happened(vault.RevokedAt, happened)
	g, usable, err := w.Lookup(t.Context(), resource.Named(ada.User()))
	if err != nil || !usable {
		t.Fatalf("the owner's sign-in ended: %v", err)
	}
	if g.Approved("evil", "user", "spaces.create") || len(g.Standing()) != 0 {
		t.Error("the hijacker's approval counts")
	}
	w.ahead.Add(int64(time.Minute))
	w.approve(ada, "tickets")
	if g, _ := w.stored(ada); !g.Approved("tickets", "user", "spaces.create") || g.Approved("evil", "user", "spaces.create") {
		t.Error("what the owner approves does not count")
	}
}

func TestApprovalsInDoubtAreGoneWithANewSignIn(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.ahead.Add(int64(20 * time.Second))
	w.approve(ada, "tickets")
	g, _ := w.stored(ada)
	w.ahead.Add(int64(2 * time.Minute))
	w.happened(vault.RevokedAt, g.SignedIn.Add(10*time.Second)) // who came first?
	w.google.RevokeGrant(ada)
	w.connect(ada, create)
	if g, _ := w.stored(ada); len(g.Standing()) != 0 {
		t.Error("an approval in doubt came over")
	}
}

// S7: a stolen session holds the page with the question open.
func TestAQuestionDoesNotOutliveTheSessions(t *testing.T) {
	for _, mark := range []vault.Mark{vault.SessionsAt, vault.RevokedAt} {
		w := begin(t)
		w.connect(ada, create)
		w.ahead.Add(int64(5 * time.Minute))
		link, err := w.InviteToApprove(t.Context(), resource.Named(ada.User()), consent.Wish{Caller: "tickets", Actions: []string{"spaces.create"}, Authority: "user"}, create)
		check(t, err)
		_, invitation, _ := strings.Cut(link.Reveal(), "invitation=")
		out, err := w.Finish(t.Context(), w.consented(config.NewSecret(invitation), ada))
		if err != nil || out.Approval == nil {
			t.Fatalf("%+v, %v", out, err)
		}
		w.ahead.Add(int64(time.Minute))
		w.happened(mark, w.deps.Now())
		if _, err := w.Answer(t.Context(), out.Approval.Token, browser, true); reason(err) != consent.LinkExpired {
			t.Errorf("%s: %v", mark, err)
		}
		if g, _ := w.stored(ada); len(g.Approvals) != 0 {
			t.Errorf("%s: it was approved", mark)
		}
	}
}

// A save that is remembered late must not bring back a grant that was ended.
func TestAnOlderGrantIsNotRememberedOverANewerOne(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	slow := &slowSave{Docs: w.docs, landed: make(chan struct{}), open: make(chan struct{})}
	a := w.another(func(d *grants.Deps) { d.Vault = vault.New(slow, d.Keys, d.Now) })
	done := make(chan error, 1)
	go func() { done <- a.AppRemoved(t.Context(), resource.Person(ada.User()), w.deps.Now()) }() // saves, and is held after it
	<-slow.landed
	if _, err := a.Disconnect(t.Context(), resource.Person(ada.User())); err != nil {
		t.Fatal(err)
	}
	close(slow.open)
	check(t, <-done)
	if _, err := a.TokenSource(t.Context(), resource.Person(ada.User()), create); fault.KindOf(err) != fault.NeedsConsent {
		t.Errorf("a grant that was ended is used: %v", err)
	}
}

// Grants that stay due must not stand before all others for ever.
func TestGrantsThatWaitForASignInDoNotStarveTheOthers(t *testing.T) {
	w := begin(t)
	people := w.crowd(201)
	w.ahead.Add(int64(151 * oneDay))
	for _, p := range people {
		w.google.RequireReauth(p, true)
	}
	w.sweep() // notes for all that they have to sign in
	w.connect(ada, create)
	w.ahead.Add(int64(2 * time.Minute))
	w.happened(vault.RevokedAt, w.deps.Now())
	w.ahead.Add(int64(oneDay + time.Hour)) // all are looked at again
	if got := w.sweep(); got.Ended != 1 {
		t.Errorf("behind those that wait: %+v", got)
	}
	if got := w.sweep(); got.Seen != 0 {
		t.Errorf("at once again: %+v", got)
	}
}

// S9: who removed the app is disconnected, and never restored.
func TestWhoRemovedTheAppWhileSuspendedIsNotRestored(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.ahead.Add(int64(2 * time.Hour))
	check(t, w.google.SetSwitch("invalid-grant", true))
	if _, ok := capability.Needed(w.token(ada, create)); !ok {
		t.Fatal("it is used")
	}
	check(t, w.AppRemoved(t.Context(), resource.Person(ada.User()), w.deps.Now()))
	w.ahead.Add(int64(time.Hour))
	w.sweep()
	w.ahead.Add(int64(oneDay))
	w.sweep()
	check(t, w.google.SetSwitch("invalid-grant", false))
	w.ahead.Add(int64(8 * oneDay))
	if got := w.sweep(); got.Restored != 0 || got.Ended != 1 {
		t.Errorf("got %+v", got)
	}
	if _, ok := w.stored(ada); ok || w.google.RefreshToken(ada) != "" {
		t.Error("something is left of it")
	}
}

func TestEventsDoNotUseUpTheTriesOfASuspendedGrant(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.ahead.Add(int64(2 * time.Hour))
	w.google.RevokeGrant(ada)
	if _, ok := capability.Needed(w.token(ada, create)); !ok {
		t.Fatal("it is used")
	}
	for range 4 {
		w.ahead.Add(int64(time.Minute))
		w.happened(vault.AskAt, w.deps.Now())
		w.sweep()
	}
	if g, ok := w.stored(ada); !ok || g.Status != vault.Suspended || g.Retries != 0 {
		t.Errorf("%v, %s after %d tries", ok, g.Status, g.Retries)
	}
}

func TestASuspendedGrantThatOnlyWantsASignInIsRestored(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.ahead.Add(int64(2 * time.Hour))
	check(t, w.google.SetSwitch("invalid-grant", true))
	_ = w.token(ada, create)
	check(t, w.google.SetSwitch("invalid-grant", false))
	w.google.RequireReauth(ada, true)
	w.ahead.Add(int64(time.Hour))
	if got := w.sweep(); got.Restored != 1 {
		t.Errorf("got %+v", got)
	}
	if needs, ok := capability.Needed(w.token(ada, create)); !ok || !needs.SignIn {
		t.Errorf("got %+v", needs)
	}
}

func TestARevocationWaitsForASuspendedGrantThatIsNewer(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.google.Fail("revoke", 503)
	if _, err := w.Disconnect(t.Context(), resource.Person(ada.User())); err != nil {
		t.Fatal(err)
	}
	w.connect(ada, create)
	g, _ := w.stored(ada)
	g.Status, g.SuspendedAt, g.AccessToken = vault.Suspended, w.deps.Now(), config.Secret{}
	g.Due = w.deps.Now().Add(time.Hour)
	_, err := w.deps.Vault.SaveGrant(t.Context(), g)
	check(t, err)
	if got := w.sweep(); got.Revoked != 0 {
		t.Errorf("the newer token was revoked with the older: %+v", got)
	}
}

func TestASecondEventDoesNotTakeTheTombstoneAway(t *testing.T) {
	w := begin(t)
	w.connect(ada, create)
	w.ahead.Add(int64(10 * time.Minute))
	w.happened(vault.RevokedAt, w.deps.Now())
	w.sweep()
	w.ahead.Add(int64(time.Minute))
	w.happened(vault.RevokedAt, w.deps.Now())
	w.sweep()
	if _, ok := w.stored(ada); !ok || !w.Tell(t.Context(), resource.Person(ada.User())) {
		t.Error("the person is never told")
	}
}

// S3: a pending consent that somebody planted or spoiled.
func TestAPendingConsentThatDoesNotOpenHasExpiredAndAlarms(t *testing.T) {
	w := begin(t)
	callback := w.consented(w.invite(ada, answer, create), ada)
	docs, err := w.docs.List(t.Context(), "pendingConsents", "", 10)
	if err != nil || len(docs) != 1 {
		t.Fatalf("%v, %v", docs, err)
	}
	docs[0].Fields["sealed"] = []byte(`{"person":"users/666"}`)
	_, err = w.docs.Replace(t.Context(), "pendingConsents", docs[0].ID, docs[0].Fields, docs[0].Version)
	check(t, err)
	if _, err := w.Finish(t.Context(), callback); reason(err) != consent.LinkExpired || !strings.Contains(w.log.String(), "a pending consent does not open") {
		t.Errorf("%v; log %s", err, w.log)
	}
	if _, ok := w.stored(ada); ok {
		t.Error("a grant is stored")
	}
}

func TestWhatElseDoesNotOpenAlarmsOnceAnHour(t *testing.T) {
	w := begin(t)
	_, err := w.docs.Create(t.Context(), "operations", "planted", vault.Fields{"sealed": []byte("x"), "person": ada.User()})
	check(t, err)
	for range 3 {
		if _, err := w.deps.Vault.Operation(t.Context(), "planted"); err == nil {
			t.Error("it opened")
		}
	}
	if got := strings.Count(w.log.String(), "a stored record does not open"); got != 1 {
		t.Errorf("alarms: got %d, want 1: %s", got, w.log)
	}
}

// S5: a second trip asks for consent anew, and only when it has to.
func TestASecondTripComesOnlyWithoutARefreshTokenForWhatIsAsked(t *testing.T) {
	w := begin(t)
	finish := func(c ...capability.Capability) consent.Outcome {
		t.Helper()
		out, err := w.Finish(t.Context(), w.consented(w.invite(ada, answer, c...), ada))
		check(t, err)
		return out
	}
	if out := finish(create); !out.Consent.Empty() {
		t.Error("the first sign-in is asked twice")
	}
	if out := finish(create); !out.Consent.Empty() {
		t.Error("nothing new was asked, and a refresh token is held")
	}
	if out := finish(create, members); !strings.Contains(out.Consent.Reveal(), "prompt=consent") || out.Person != "" {
		t.Errorf("more was asked, and no refresh token is held for it: %+v", out)
	}
	if _, err := w.Disconnect(t.Context(), resource.Person(ada.User())); err != nil {
		t.Fatal(err)
	}
	if out := finish(create); !out.Consent.Empty() {
		t.Error("after a disconnect Google sends a refresh token at once")
	}
}

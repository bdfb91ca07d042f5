package main

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

func TestTheHomeTabShowsTheConnectionAndBeginsWithAForm(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		first := b.home()
		b.has(first, "Deputy acts in Google Chat as you", "/createspace [name] [@people]")
		b.allow(first, "Connect")
		home := b.send(b.home(), "Refresh", nil)
		b.has(home, "Connected as", "ada@example.com", "To show your spaces here, allow Deputy")
		b.allow(home, "Allow")
		made := b.send(b.send(home, "Create a space", nil), "Create", url.Values{"name": {"Launch plan"}})
		b.has(made, "Space created", "Launch plan", "Open")
		if diff := cmp.Diff([]string{"Launch plan"}, w.spaces(ada)); diff != "" {
			t.Error(diff)
		}
		closed := b.post(w.address+"/close", url.Values{"as": {ada.Sub}, "in": {b.in}, "tab": {"home"}})
		b.has(b.send(closed, "Refresh", nil), "Your newest spaces", "Launch plan")
		b.has(b.send(b.home(), "Your connection", nil), "See your spaces", "Allowed", "Erase everything")
		b.missing(b.chat(), "is not responding")
	})
}

func TestTheHomeTabContinuesAfterAConsentElsewhere(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		first := b.home()
		b.allow(first, "Connect")
		b.has(b.send(first, "Continue", nil), "Connected as", "ada@example.com")
	})
}

func TestMyConnectionIsADialogAndItsButtonsStayInIt(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		b.in = "AAAAteam"
		shown := b.quick(102)
		b.has(shown, "Your connection", "ada@example.com", "Reconnect", "You haven't approved any other system")
		asked := b.send(shown, "Disconnect", nil)
		b.has(asked, "Disconnect?")
		b.has(b.send(asked, "Disconnect", nil), "You're disconnected", "Deputy's access is revoked at Google")
		b.has(b.quick(102), "You're not connected")
	})
}

// known gives Ada an approved system and things it did.
func (w *world) known(t *testing.T) {
	t.Helper()
	v, c := w.vault, caller()
	w.put(t, c)
	w.approve(t, c)
	for _, id := range []string{"a", "b"} {
		if err := v.NoteActivity(t.Context(), resource.Person(ada.User()), id, vault.Activity{When: w.clock.now(), Caller: c.Name, Action: "spaces.create", Authority: "user", Made: "spaces/" + id}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStatusShowsWhoActsAsThePersonAndWithdraws(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		w.known(t)
		b.has(b.say("/status"), "Who may act as you", caller().Name, "Create spaces", "Withdraw", "What others did as you in the last 30 days")
		withdrawn := b.press("Withdraw")
		b.has(withdrawn, "You haven't approved any other system", "ada@example.com")
		if left := w.approvals(t, ada); left != 0 {
			t.Errorf("%d left", left)
		}
	})
}

func TestWhatASystemDidThroughTheAPIStandsInStatus(t *testing.T) {
	t.Parallel()
	w := beginWith(t, caller())
	b := w.browser(t, ada)
	b.connect()
	for range 2 { // the same request twice is one act
		w.call(t, w.callerToken(nil), "build-1234", `{"actAs":"ada@example.com","displayName":"From a system"}`)
	}
	status := b.say("/status")
	b.has(status, "What others did as you in the last 30 days", caller().Name)
	if got := strings.Count(status.body, ">"+caller().Name+", "); got != 1 {
		t.Errorf("acts: got %d, want 1", got)
	}
}

func TestMoreThanACardHoldsIsSaidAndTheNewestAreShown(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browser(t, ada)
	b.connect()
	for i := range 150 {
		w.clock.advance(time.Second)
		a := vault.Activity{When: w.clock.now(), Caller: fmt.Sprintf("C%03d", i), Action: "spaces.create", Authority: "user"}
		if err := w.vault.NoteActivity(t.Context(), resource.Person(ada.User()), fmt.Sprintf("a%d", 999-i), a); err != nil {
			t.Fatal(err)
		}
	}
	status := b.say("/status")
	b.has(status, "C149", "C140", "The download shows the rest")
	b.missing(status, "C139")
	if got := strings.Count(b.open(b.link(status, "Download")).body, `"caller"`); got != 150 {
		t.Errorf("in the download: %d", got)
	}
}

func TestTheNewestSpacesAreTheNewest(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browser(t, ada)
	b.connect()
	for i, name := range []string{"C", "A", "Z", "M", "B", "Y"} {
		w.clock.advance(time.Minute)
		w.send(t, command(ada, fmt.Sprintf("spaces/DM/messages/n%d", i), 5, name+" plan"))
	}
	b.allow(b.home(), "Allow")
	home := html.UnescapeString(b.home().body)
	at := 0
	for _, name := range []string{"Y plan", "B plan", "M plan", "Z plan", "A plan"} {
		next := strings.Index(home[at:], `<div class="field">`+name)
		if next < 0 {
			t.Fatalf("%s is not next:\n%s", name, text(home[at:]))
		}
		at += next
	}
}

func TestThePersonDownloadsAllThatDeputyHoldsButNoToken(t *testing.T) {
	t.Parallel()
	w := begin(t)
	b := w.browser(t, ada)
	b.connect()
	w.known(t)
	if made := w.api(t, "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"From a system"}`); made.status != http.StatusCreated {
		t.Fatalf("%d %s", made.status, made.text)
	}
	link := b.link(b.say("/status"), "Download")
	got := b.open(link)
	var held struct {
		Person     string
		Connection struct {
			Email  string
			Scopes []string
			Holds  bool `json:"holdsRefreshToken"`
		}
		Approvals, Activity []any
		Results             []struct{ Caller string }
	}
	if err := json.Unmarshal([]byte(got.body), &held); err != nil {
		t.Fatalf("%v: %s", err, got.body)
	}
	if held.Person != ada.User() || held.Connection.Email != ada.Email || !held.Connection.Holds || len(held.Connection.Scopes) == 0 || len(held.Approvals) != 1 || len(held.Activity) != 3 || len(held.Results) != 1 || held.Results[0].Caller != incidentTool {
		t.Errorf("got %s", got.body)
	}
	if strings.Contains(got.body, "MARKED") {
		t.Errorf("a secret is in it: %s", got.body)
	}
	w.clock.advance(10 * time.Minute)
	b.has(b.open(link), "This link has expired")
	b.has(b.open(w.address+"/oauthcallback/export?link=AAAA"), "This link has expired")
	if status := b.open(w.address + "/oauthcallback/export").status; status != 400 {
		t.Errorf("without a link: %d", status)
	}
}

func TestEverythingIsErasedOnceItIsConfirmed(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		w.known(t)
		b.say("/status")
		b.has(b.press("Erase everything"), "Erase everything?", "What was created in your name stays")
		if _, err := w.docs.Get(t.Context(), "grants", ada.Sub); err != nil {
			t.Error("erased before it was confirmed")
		}
		b.has(b.press("Erase everything"), "Erased", "Deputy's access is revoked at Google", "1 other system can no longer act as you")
		for _, collection := range []string{"grants", "approvals/" + ada.Sub + "/callers", "activity/" + ada.Sub + "/acts", "revocations"} {
			if docs, err := w.docs.List(t.Context(), vault.Collection(collection), "", 10); err != nil || len(docs) != 0 {
				t.Errorf("%s: %v, %v", collection, docs, err)
			}
		}
	})
}

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

func TestHome_ConnectionAndForm(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		first := b.openHome()
		b.wantText(first, "Deputy acts in Google Chat as you", "/createspace [name] [@people]")
		b.allow(first, "Connect")
		home := b.send(b.openHome(), "Refresh", nil)
		b.wantText(home, "Connected as", "ada@example.com", "Your newest spaces")
		created := b.send(b.send(home, "Create a space", nil), "Create", url.Values{"name": {"Launch plan"}})
		b.wantText(created, "Space created", "Launch plan", "Open")
		if diff := cmp.Diff([]string{"Launch plan"}, w.spaces(ada)); diff != "" {
			t.Error(diff)
		}
		closed := b.post(w.address+"/close", url.Values{"as": {ada.Sub}, "in": {b.space}, "tab": {"home"}})
		b.wantText(b.send(closed, "Refresh", nil), "Your newest spaces", "Launch plan")
		b.wantText(b.send(b.openHome(), "Your connection", nil), "See your spaces", "Allowed", "Erase everything")
		b.wantNoText(b.chat(), "is not responding")
	})
}

func TestHome_ContinueAfterConsent(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		first := b.openHome()
		b.allow(first, "Connect")
		b.wantText(b.send(first, "Continue", nil), "Connected as", "ada@example.com")
	})
}

func TestHome_ConnectionDialog(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		b.space = "AAAAteam"
		connection := b.quickCommand(102)
		b.wantText(connection, "Your connection", "ada@example.com", "Allow everything Deputy can do",
			"You haven't approved any other system")
		question := b.send(connection, "Disconnect", nil)
		b.wantText(question, "Disconnect?")
		b.wantText(b.send(question, "Disconnect", nil), "You're disconnected", "Deputy's access is revoked at Google")
		b.wantText(b.quickCommand(102), "You're not connected")
	})
}

// seedActivity stores an approved caller of Ada's and two activities of it.
func (w *world) seedActivity(t *testing.T) {
	t.Helper()
	v, c := w.vault, caller()
	w.put(t, c)
	w.approve(t, c)
	for _, id := range []string{"a", "b"} {
		a := vault.Activity{
			Time: w.clock.now(), Caller: c.Name, Action: "spaces.create", Authority: "user", Resource: "spaces/" + id,
		}
		if err := v.RecordActivity(t.Context(), resource.Person(ada.User()), id, a); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStatus_WithdrawApproval(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		w.seedActivity(t)
		b.wantText(b.say("/status"), "Systems that can act as you", caller().Name, "Create spaces", "Withdraw",
			"What other systems did as you in the last 30 days")
		withdrawn := b.press("Withdraw")
		b.wantText(withdrawn, "You haven't approved any other system", "ada@example.com")
		if n := w.countApprovals(t, ada); n != 0 {
			t.Errorf("approvals: got %d, want 0", n)
		}
	})
}

func TestStatus_CallerActivity(t *testing.T) {
	t.Parallel()
	w := newWorldWithCaller(t, caller())
	b := w.browser(t, ada)
	b.connect()
	for range 2 { // the same request twice is one operation
		w.call(t, w.callerToken(nil), "build-1234", `{"actAs":"ada@example.com","displayName":"From a system"}`)
	}
	status := b.say("/status")
	b.wantText(status, "What other systems did as you in the last 30 days", caller().Name)
	if got := strings.Count(status.body, ">"+caller().Name+", "); got != 1 {
		t.Errorf("activities: got %d, want 1", got)
	}
}

func TestStatus_LongActivity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.connect()
	for i := range 150 {
		w.clock.advance(time.Second)
		a := vault.Activity{
			Time: w.clock.now(), Caller: fmt.Sprintf("caller %03d", i), Action: "spaces.create", Authority: "user",
		}
		err := w.vault.RecordActivity(t.Context(), resource.Person(ada.User()), fmt.Sprintf("a%d", 999-i), a)
		if err != nil {
			t.Fatal(err)
		}
	}
	status := b.say("/status")
	b.wantText(status, "caller 149", "caller 140", "The download shows the rest")
	b.wantNoText(status, "caller 139")
	if got := strings.Count(b.download(b.link(status, "Download")).body, `"caller"`); got != 150 {
		t.Errorf("in the download: %d", got)
	}
}

func TestHome_NewestSpacesFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.connect()
	for i, name := range []string{"C", "A", "Z", "M", "B", "Y"} {
		w.clock.advance(time.Minute)
		w.send(t, command(ada, fmt.Sprintf("spaces/DM/messages/n%d", i), 5, name+" plan"))
	}
	b.allow(b.openHome(), "Allow") // a button of the Home tab
	home := html.UnescapeString(b.openHome().body)
	offset := 0
	for _, name := range []string{"Y plan", "B plan", "M plan", "Z plan", "A plan"} {
		next := strings.Index(home[offset:], `<div class="field">`+name)
		if next < 0 {
			t.Fatalf("%s is not next:\n%s", name, visibleText(home[offset:]))
		}
		offset += next
	}
}

// download opens the link to a person's data and presses the button there.
func (b *browser) download(link string) page {
	b.t.Helper()
	form := parseInputs(b.open(link).body)
	form.Set("answer", "allow")
	return b.post(b.world.address+"/oauthcallback/export", form)
}

func TestExport_AllDataNoToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	b.connect()
	w.seedActivity(t)
	created := w.api(t, "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"From a system"}`)
	if created.status != http.StatusCreated {
		t.Fatalf("%d %s", created.status, created.text)
	}
	link := b.link(b.say("/status"), "Download")
	got := b.download(link)
	var export struct {
		Person     string
		Connection struct {
			Email  string
			Scopes []string
			Holds  bool `json:"holdsRefreshToken"`
		}
		Approvals, Activity []any
		Results             []struct{ Caller string }
	}
	if err := json.Unmarshal([]byte(got.body), &export); err != nil {
		t.Fatalf("%v: %s", err, got.body)
	}
	connection := export.Connection
	if export.Person != ada.User() || connection.Email != ada.Email || !connection.Holds ||
		len(connection.Scopes) == 0 || len(export.Approvals) != 1 || len(export.Activity) != 3 ||
		len(export.Results) != 1 || export.Results[0].Caller != incidentTool {
		t.Errorf("got %s", got.body)
	}
	if strings.Contains(got.body, "MARKED") {
		t.Errorf("the export has a secret: %s", got.body)
	}
	w.clock.advance(10 * time.Minute)
	b.wantText(b.download(link), "This link has expired")
	b.wantText(b.post(w.address+"/oauthcallback/export", url.Values{"token": {"AAAA"}, "answer": {"allow"}}),
		"This link has expired")
	if status := b.open(w.address + "/oauthcallback/export").status; status != 400 {
		t.Errorf("without a link: %d", status)
	}
}

func TestErase_Confirmed(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		b := w.browser(t, ada)
		b.connect()
		w.seedActivity(t)
		b.say("/status")
		b.wantText(b.press("Erase everything"), "Erase everything?", "What was created in your name stays")
		if _, err := w.docs.Get(t.Context(), "grants", ada.Sub); err != nil {
			t.Error("erased before it was confirmed")
		}
		b.wantText(b.press("Erase everything"),
			"Erased", "Deputy's access is revoked at Google", "1 other system can no longer act as you")
		for _, collection := range []vault.Collection{
			"grants", vault.Collection("approvals/" + ada.Sub + "/callers"),
			vault.Collection("activity/" + ada.Sub + "/acts"), "revocations",
		} {
			if docs, err := w.docs.List(t.Context(), collection, "", 10); err != nil || len(docs) != 0 {
				t.Errorf("%s: %v, %v", collection, docs, err)
			}
		}
	})
}

// The Home tab shows who else can act as the person, since when, and lets them withdraw it.
func TestHome_Approvals(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		c := caller()
		c.Actions = allActions
		w.put(t, c)
		b := w.browser(t, ada)
		b.answer(b.consent(w.invitation(t, "approval_required"), decision{account: ada}), "allow")
		home := b.openHome()
		today := w.clock.now().UTC().Format("2 January 2006")
		b.wantText(home, "Systems that can act as you", "Incidents", "Create spaces", today)
		b.wantNoText(b.send(home, "Withdraw", nil), "Systems that can act as you", "Incidents")
		if n := w.countApprovals(t, ada); n != 0 {
			t.Errorf("%d approvals", n)
		}
	})
}

package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
)

// brings is the incident tool with the right to bring codes, and nobody
// connected.
func brings(t *testing.T) *world {
	t.Helper()
	c := caller()
	c.Actions = append([]string{"people.connect"}, everyAction...)
	w := begin(t)
	w.put(t, c)
	return w
}

// code is a body with a fresh server auth code.
func (w *world) code(p google.Person, kind, redirect string, offline bool) string {
	return fmt.Sprintf(`{"serverAuthCode":"%s","clientType":"%s"}`, w.google.IssueAuthCode(p, redirect, offline, capability.CreateSpaces.Scope()), kind)
}

const adasConnection = "/v1/people/ada@example.com/connection"

func TestACodeOfAnAppConnectsThePersonWhoConsentedThere(t *testing.T) {
	t.Parallel()
	for kind, redirect := range map[string]string{"ANDROID": "", "IOS": "", "CHROME": "postmessage", "SINGLE_PAGE": "postmessage"} {
		w := brings(t)
		body := w.code(ada, kind, redirect, true)
		got := w.api(t, "POST", adasConnection, body)
		if got.status != http.StatusOK || got.body["connected"] != true || fmt.Sprint(got.body["capabilities"]) != "[CreateSpaces]" {
			t.Errorf("%s: %d %s", kind, got.status, got.text)
		}
		b := w.browser(t, ada)
		b.has(b.say("/status"), "Your connection", "ada@example.com", "Incidents connected your account")
		b.has(b.say("/createspace Launch plan"), "Space created")
		if again := w.api(t, "POST", adasConnection, body); again.problem() != "invalid_request" || !strings.Contains(again.text, "Google does not take this code") {
			t.Errorf("%s, the same code again: %d %s", kind, again.status, again.text)
		}
		if log := w.log.String(); strings.Contains(log, "MARKED") || !strings.Contains(log, "act=people.connect") {
			t.Errorf("log: %s", log)
		}
	}
}

func TestACodeOfSomebodyElseConnectsNobody(t *testing.T) {
	t.Parallel()
	w := brings(t)
	for path, p := range map[string]google.Person{adasConnection: grace, "/v1/people/" + ada.Sub + "/connection": kim} {
		got := w.api(t, "POST", path, w.code(p, "ANDROID", "", true))
		if got.problem() != "invalid_request" || !strings.Contains(got.text, "another account") {
			t.Errorf("%d %s", got.status, got.text)
		}
		if grants, err := w.docs.List(t.Context(), "grants", "", 10); err != nil || len(grants) != 0 {
			t.Errorf("%v, %v", grants, err)
		}
		if !w.google.AccessTokenValid(w.google.Secrets()[len(w.google.Secrets())-2]) && w.count("revoke") > 0 {
			t.Error("what somebody gave elsewhere was revoked")
		}
	}
}

func TestACodeIsTakenOnlyFromACallerWithThatRight(t *testing.T) {
	t.Parallel()
	c := caller()
	c.Actions = everyAction // people.connect is none of them
	w := beginWith(t, c)
	body := w.code(ada, "ANDROID", "", true)
	if got := w.api(t, "POST", adasConnection, body); got.problem() != "denied" || w.count("token") != 0 {
		t.Errorf("%d %s", got.status, got.text)
	}
}

func TestACodeOfATelevisionIsRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	w := brings(t)
	got := w.api(t, "POST", adasConnection, w.code(ada, "TV_AND_LIMITED_INPUT", "", true))
	if got.problem() != "invalid_request" || !strings.Contains(got.text, "no scope of Chat") || w.count("token") != 0 {
		t.Errorf("%d %s", got.status, got.text)
	}
}

func TestACodeThatIsNoGoodSaysWhatTheAppHasToDo(t *testing.T) {
	t.Parallel()
	w := brings(t)
	for name, c := range map[string]struct{ body, want string }{
		"without offline access": {w.code(ada, "ANDROID", "", false), "offline access"},
		"of another platform":    {w.code(ada, "ANDROID", "postmessage", true), ""},
		"nonsense":               {`{"serverAuthCode":"x","clientType":"IOS"}`, "Google does not take this code"},
		"no type":                {`{"serverAuthCode":"x"}`, "clientType"},
		"both":                   {`{"serverAuthCode":"x","clientType":"IOS","capabilities":["CreateSpaces"]}`, "either"},
		"neither":                {`{}`, "either"},
		"a type, and no code":    {`{"clientType":"IOS"}`, "either"},
	} {
		got := w.api(t, "POST", adasConnection, c.body)
		if got.problem() != "invalid_request" || !strings.Contains(got.text, c.want) {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
	}
	if grants, err := w.docs.List(t.Context(), "grants", "", 10); err != nil || len(grants) != 0 {
		t.Errorf("%v, %v", grants, err)
	}
}

func TestACodeThatAllowsLessTakesNothingAway(t *testing.T) {
	t.Parallel()
	w := connectedWith(t, func(c *callers.Caller) { c.Actions = append([]string{"people.connect"}, everyAction...) })
	before := w.api(t, "GET", adasConnection, "")
	got := w.api(t, "POST", adasConnection, w.code(ada, "ANDROID", "", true))
	if got.problem() != "invalid_request" || !strings.Contains(got.text, "would take the rest away") {
		t.Errorf("%d %s", got.status, got.text)
	}
	if after := w.api(t, "GET", adasConnection, ""); after.text != before.text {
		t.Errorf("before %s, after %s", before.text, after.text)
	}
}

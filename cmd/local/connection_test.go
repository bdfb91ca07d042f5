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

// newConnectingWorld returns a world where the incident tool may bring server auth codes, and nobody is connected.
func newConnectingWorld(t *testing.T) *world {
	t.Helper()
	c := caller()
	c.Actions = append([]string{"people.connect"}, allActions...)
	w := newWorld(t)
	w.put(t, c)
	return w
}

// connectionBody returns a request body with a new server auth code for p.
func (w *world) connectionBody(p google.Person, clientType, redirect string, offline bool) string {
	code := w.google.IssueAuthCode(p, redirect, offline, capability.CreateSpaces.Scope())
	return fmt.Sprintf(`{"serverAuthCode":"%s","clientType":"%s"}`, code, clientType)
}

const (
	adaConnection = "/v1/people/ada@example.com/connection"
	connectAda    = adaConnection + ":connect"
)

func TestServerAuthCode_Connects(t *testing.T) {
	t.Parallel()
	for clientType, redirect := range map[string]string{
		"ANDROID": "", "IOS": "", "CHROME": "postmessage", "SINGLE_PAGE": "postmessage",
	} {
		w := newConnectingWorld(t)
		body := w.connectionBody(ada, clientType, redirect, true)
		got := w.api(t, "POST", connectAda, body)
		if got.status != http.StatusOK || got.body["connected"] != true ||
			fmt.Sprint(got.body["capabilities"]) != "[CreateSpaces]" {
			t.Errorf("%s: %d %s", clientType, got.status, got.text)
		}
		b := w.browser(t, ada)
		b.wantText(b.say("/status"), "Your connection", "ada@example.com", "Incidents connected your account")
		b.wantText(b.say("/createspace Launch plan"), "Space created")
		again := w.api(t, "POST", connectAda, body)
		if again.problem() != "invalid_request" || !strings.Contains(again.text, "Google rejected the code") {
			t.Errorf("%s, the same code again: %d %s", clientType, again.status, again.text)
		}
		if log := w.log.String(); strings.Contains(log, "MARKED") || !strings.Contains(log, "action=people.connect") {
			t.Errorf("log: %s", log)
		}
	}
}

func TestServerAuthCode_OtherPerson(t *testing.T) {
	t.Parallel()
	w := newConnectingWorld(t)
	for path, p := range map[string]google.Person{
		connectAda: grace, "/v1/people/" + ada.Sub + "/connection:connect": kim,
	} {
		got := w.api(t, "POST", path, w.connectionBody(p, "ANDROID", "", true))
		if got.problem() != "invalid_request" || !strings.Contains(got.text, "a different account") {
			t.Errorf("%d %s", got.status, got.text)
		}
		if grants, err := w.docs.List(t.Context(), "grants", "", 10); err != nil || len(grants) != 0 {
			t.Errorf("%v, %v", grants, err)
		}
		if w.count("revoke") != 0 {
			t.Error("the other person's token was revoked")
		}
	}
}

func TestServerAuthCode_CallerNotAllowed(t *testing.T) {
	t.Parallel()
	c := caller()
	c.Actions = allActions // without people.connect
	w := newWorldWithCaller(t, c)
	body := w.connectionBody(ada, "ANDROID", "", true)
	if got := w.api(t, "POST", connectAda, body); got.problem() != "denied" || w.count("token") != 0 {
		t.Errorf("%d %s", got.status, got.text)
	}
}

func TestServerAuthCode_Television(t *testing.T) {
	t.Parallel()
	w := newConnectingWorld(t)
	got := w.api(t, "POST", connectAda, w.connectionBody(ada, "TV_AND_LIMITED_INPUT", "", true))
	if got.problem() != "invalid_request" || !strings.Contains(got.text, "no Chat scope") || w.count("token") != 0 {
		t.Errorf("%d %s", got.status, got.text)
	}
}

func TestServerAuthCode_Invalid(t *testing.T) {
	t.Parallel()
	w := newConnectingWorld(t)
	for name, c := range map[string]struct{ body, want string }{
		"without offline access": {w.connectionBody(ada, "ANDROID", "", false), "offline access"},
		"of another platform":    {w.connectionBody(ada, "ANDROID", "postmessage", true), ""},
		"nonsense":               {`{"serverAuthCode":"x","clientType":"IOS"}`, "Google rejected the code"},
		"no type":                {`{"serverAuthCode":"x"}`, "clientType"},
		"both": {
			`{"serverAuthCode":"x","clientType":"IOS","capabilities":["CreateSpaces"]}`, "Unknown field",
		},
		"neither":             {`{}`, "serverAuthCode, clientType is missing"},
		"a type, and no code": {`{"clientType":"IOS"}`, "serverAuthCode is missing"},
	} {
		got := w.api(t, "POST", connectAda, c.body)
		if got.problem() != "invalid_request" || !strings.Contains(got.text, c.want) {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
	}
	if grants, err := w.docs.List(t.Context(), "grants", "", 10); err != nil || len(grants) != 0 {
		t.Errorf("%v, %v", grants, err)
	}
}

func TestServerAuthCode_FewerScopes(t *testing.T) {
	t.Parallel()
	w := newConnectedWorld(t, func(c *callers.Caller) { c.Actions = append([]string{"people.connect"}, allActions...) })
	before := w.api(t, "GET", adaConnection, "")
	got := w.api(t, "POST", connectAda, w.connectionBody(ada, "ANDROID", "", true))
	if got.problem() != "invalid_request" ||
		!strings.Contains(got.text, "allows less than this person has already allowed") {
		t.Errorf("%d %s", got.status, got.text)
	}
	if after := w.api(t, "GET", adaConnection, ""); after.text != before.text {
		t.Errorf("before %s, after %s", before.text, after.text)
	}
}

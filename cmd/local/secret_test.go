package main

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/deputy/shared/capability"
)

func TestLog_NoSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser(t, ada)
	declined := b.consent(b.link(b.say("/createspace MARKED plan"), "Configure"), decision{account: ada, deny: true})
	wrong := b.consent(b.link(declined, "Try again"), decision{account: grace})
	b.consent(b.link(wrong, "Choose another account"), decision{account: ada})
	b.wantChat("Space created")
	for _, u := range b.visited { // replay every callback
		if strings.HasSuffix(u.Path, "/callback") {
			b.open(u.String())
		}
	}
	b.say("/createspace MARKED plan") // the name is taken
	b.say("/createspace @Grace Hopper MARKED too " + strings.Repeat("x", 128))
	w.google.Fail("chat.spaces.setup", 400)
	b.say("/createspace MARKED refused")
	w.clock.advance(2 * time.Hour)
	w.google.Fail("token", 500)
	b.say("/connect")
	b.say("/connect")
	w.google.Fail("revoke", 500)
	b.say("/disconnect")
	b.press("Disconnect")
	w.google.RevokeGrant(ada)

	log := w.log.String()
	if lines := strings.Count(log, "\n"); lines < 20 {
		t.Fatalf("only %d lines logged, so this test checks too little", lines)
	}
	secrets := w.google.Secrets()
	for _, u := range b.visited {
		for _, name := range []string{"invitation", "state", "code", "token", "nonce", "code_challenge"} {
			secrets = append(secrets, u.Query().Get(name))
		}
	}
	checked := 0
	for _, secret := range append(secrets, "MARKED", "ada@example.com", "grace@example.com") {
		if secret == "" {
			continue
		}
		checked++
		if at := strings.Index(log, secret); at >= 0 {
			t.Errorf("a secret of %d characters is in the log: %s", len(secret), lineAt(log, at))
		}
	}
	if checked < 40 {
		t.Errorf("only %d secrets were checked", checked)
	}
}

func TestLog_NoInputOnConnectionError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reset := failure{name: "reset", wire: func(*http.Request, http.RoundTripper) (*http.Response, error) {
			return nil, errors.New("connection reset by peer")
		}}
		for _, command := range []string{
			"/spaces MARKED", "/groupchat MARKED@example.com other@example.com",
			"/createspace MARKED @Grace Hopper", "/say MARKED", "/invite MARKED@example.com", "/kickoff",
		} {
			tr := newTrial(t, &reset, true)
			tr.allow(capability.All()...)
			tr.arm(2) // the first call fetches Chat's keys
			if shown := say(command)(tr, team); !strings.Contains(shown, "Something didn't work") {
				t.Errorf("%s: %s", command, visibleText(shown))
			}
			if log := tr.log.String(); strings.Contains(log, "MARKED") || !strings.Contains(log, "connection reset") {
				t.Errorf("%s: %s", command, log)
			}
		}
	})
}

// lineAt returns the line of the log at an offset.
func lineAt(log string, at int) string {
	from, to := strings.LastIndex(log[:at], "\n")+1, strings.Index(log[at:], "\n")
	return log[from : at+to]
}

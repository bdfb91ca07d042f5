package buildpack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/deployed"
	"example.com/deputy/shared/capability"
)

// TestLostAnswers loses the answer to each commit of an operation in turn. Nobody reads a conflict with themselves,
// If-Match holds, and each audit line is written once.
func TestLostAnswers(t *testing.T) {
	w := newInstanceWorld(t)
	w.Google.SetDelegation(delegationAccount, capability.CreateSpaces.Scope(), capability.EditSpaces.Scope(),
		capability.ReadSpaces.Scope())
	ada, browser := w.person, newPerson(t, w.Bed, w.person)
	space, _ := w.Google.SpaceByName("connect") // Grace's
	approve := func() {
		_, body := w.request(http.MethodPost, "/v1/spaces", "", `{"actAs":"ada@example.com","displayName":"x"}`)
		if strings.Contains(body, "invitation") {
			if _, page := browser.approve(body); !strings.Contains(page, "<h1>Allowed</h1>") {
				t.Errorf("approval: %s", page)
			}
		}
	}
	patch := func(match string, text string) (int, string) {
		return w.request(http.MethodPatch, "/v1/"+space.Name()+"?updateMask=description", match,
			`{"actAs":"grace@example.com","authority":"delegation","description":"`+text+`"}`)
	}
	for _, c := range []struct {
		name        string
		before, run func(k int64)
	}{
		{name: "a command", run: func(int64) {
			if e := w.say(); !w.isRight(e) {
				t.Errorf("%s", w.seen(e))
			}
		}},
		{name: "a system's first request", run: func(k int64) {
			name := fmt.Sprintf("lost %d", k)
			if got := w.post(name); got.status != 201 || w.count(name) != 1 {
				t.Errorf("%+v, %d spaces", got, w.count(name))
			}
		}},
		{
			name:   "connect again",
			before: func(int64) { w.Say(ada, "", "/disconnect"); w.Click(ada, "Disconnect") },
			run: func(int64) {
				page := browser.allow(w.Say(ada, "", "/connect").StartLink())
				if !strings.Contains(page, "connected") {
					t.Errorf("%s", page)
				}
			},
		},
		{
			name:   "approve",
			before: func(int64) { approve(); w.Say(ada, "", "/status"); w.Click(ada, "Withdraw") },
			run:    func(int64) { approve() },
		},
		{
			name:   "withdraw",
			before: func(int64) { approve(); w.Say(ada, "", "/status") },
			run: func(int64) {
				if e := w.Click(ada, "Withdraw"); e.Problem != "" || strings.Contains(string(e.Reply), "Try again") {
					t.Errorf("%s %s", e.Problem, e.Reply)
				}
			},
		},
		{
			name:   "disconnect",
			before: func(int64) { w.connect(); w.Say(ada, "", "/disconnect") },
			run: func(int64) {
				if e := w.Click(ada, "Disconnect"); e.Problem != "" || strings.Contains(string(e.Reply), "Try again") {
					t.Errorf("%s %s", e.Problem, e.Reply)
				}
			},
		},
		{name: "a guarded change", run: func(k int64) {
			text := fmt.Sprintf("change %d", k)
			etag := w.etag(space)
			if status, body := patch(etag, text); status != 200 {
				t.Errorf("%d %s", status, body)
			}
			if status, body := patch(etag, "overwritten"); status != 412 {
				t.Errorf("with an old ETag: %d %s", status, body)
			}
			if got, _ := w.Google.SpaceByName(space.DisplayName); got.Description != text {
				t.Errorf("the description is %q", got.Description)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for k := int64(1); ; k++ {
				if c.before != nil {
					c.before(k)
				}
				fault, met := deployed.LoseCommit(k)
				mend := w.Break(deployed.FirestoreHost, fault)
				lines := w.newLines()
				c.run(k)
				mend()
				for start := time.Now(); !strings.Contains(lines(), `"audit"`) && time.Since(start) < maxAlert; {
					<-time.After(time.Millisecond) // the log is read by another goroutine
				}
				checkAuditLines(t, lines())
				if t.Failed() {
					t.Fatalf("the answer to commit %d was lost; log: %s", k, lines())
				}
				if !met() {
					t.Logf("%d commits", k-1)
					return
				}
			}
		})
	}
}

// checkAuditLines checks that no audit line is there twice.
func checkAuditLines(t *testing.T, lines string) {
	t.Helper()
	seen := map[string]bool{}
	for line := range strings.Lines(lines) {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) != nil || fields["message"] != "audit" {
			continue
		}
		delete(fields, "time")
		text, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		if seen[string(text)] {
			t.Errorf("twice: %s", text)
		}
		seen[string(text)] = true
	}
	if len(seen) == 0 {
		t.Error("no audit line")
	}
}

// request calls the API with a new idempotency key and, unless it is empty, If-Match.
func (w *outageWorld) request(method, path, match, body string) (int, string) {
	w.t.Helper()
	w.plans++
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.api.Address+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.CallerToken())
	r.Header.Set("Idempotency-Key", fmt.Sprintf("request-%d", w.plans))
	r.Header.Set("Content-Type", "application/json")
	if match != "" {
		r.Header.Set("If-Match", match)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// etag returns the ETag of a space.
func (w *outageWorld) etag(space google.Space) string {
	w.t.Helper()
	r, err := http.NewRequestWithContext(context.WithoutCancel(w.t.Context()), http.MethodGet,
		w.api.Address+"/v1/"+space.Name()+"?actAs=grace@example.com&authority=delegation", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.CallerToken())
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.Header.Get("ETag")
}

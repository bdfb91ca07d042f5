package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/chatpage"
	"example.com/deputy/shared/capability"
)

// recordings are Ada's steps, in order, that produce an event of each type.
var recordings = []struct{ name, play string }{
	{"added", `{"type": "added"}`},
	{"message", `{"type": "message", "text": "hello"}`},
	{"slash-command", `{"type": "message", "text": "/help"}`},
	{
		"slash-command-with-a-mention",
		`{"in": "spaces/AAAAteam", "type": "message", "text": "/createspace Quiet plan @Grace Hopper"}`,
	},
	{"card-clicked", `{"in": "spaces/AAAAteam", "type": "click", "button": "Continue"}`},
	{"quick-command", `{"type": "quick", "command": "Create a space"}`},
	{
		"dialog-submitted",
		`{"type": "press", "surface": "dialog", "button": "Create", "inputs": {"name": ["Launch plan"], "people": ` +
			`["users/100000000000000000102"]}}`,
	},
	{"dialog-cancelled", `{"type": "close"}`},
	{"card-clicked-for-a-dialog", `{"type": "click", "button": "Rename"}`},
	{"home", `{"type": "home"}`},
	{"home-clicked", `{"type": "press", "surface": "home", "button": "Refresh"}`},
	{"added-to-a-space", `{"in": "spaces/AAAAteam", "type": "added"}`},
	{"removed", `{"type": "removed"}`},
}

func TestRecordedEvents(t *testing.T) {
	t.Parallel()
	for _, format := range []chatpage.Format{chatpage.Classic, chatpage.AddOn} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			tr := newTrialAs(t, format, "", nil, false)
			tr.saved["in"] = "DM" + ada.Sub
			tr.allow(capability.CreateSpaces)
			tr.step("Ada, in Deputy, types: /createspace First plan")
			folder := filepath.Join("testdata", "events", string(format))
			for _, r := range recordings {
				before := len(tr.events)
				status := tr.do(http.MethodPost, "/script/events",
					strings.Replace(r.play, "{", `{"as": "ada@example.com", `, 1))
				if status.Code != http.StatusOK {
					t.Fatalf("%s: %s", r.name, status.Body)
				}
				// an add-on gets no event for a closed dialog: workspace/add-ons/chat/convert
				if len(tr.events) == before {
					if r.name != "dialog-cancelled" || format == chatpage.Classic {
						t.Errorf("%s: the app got no event", r.name)
					}
					continue
				}
				live := tr.events[before]
				file := filepath.Join(folder, r.name+".json")
				if *update {
					if err := os.WriteFile(file, []byte(tr.readable(live)+"\n"), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				recorded, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(recorded), tr.readable(live)+"\n"); diff != "" {
					t.Errorf(
						"%s differs from what Chat sends now (go test ./cmd/local -run Recorded -args -update): %s",
						file, diff)
				}
				tr.replay(t, r.name, fillIn(t, recorded, live))
			}
		})
	}
}

// fillIn copies the values that differ each time from a live event into a recorded one.
func fillIn(t *testing.T, recorded []byte, live string) string {
	t.Helper()
	var recordedValue, liveValue any
	if err := json.Unmarshal(recorded, &recordedValue); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(live), &liveValue); err != nil {
		t.Fatal(err)
	}
	var fill func(to, from any) any
	fill = func(to, from any) any {
		switch v := to.(type) {
		case map[string]any:
			for name := range v {
				v[name] = fill(v[name], from.(map[string]any)[name])
			}
		case []any:
			for i := range v {
				v[i] = fill(v[i], from.([]any)[i])
			}
		case string:
			if strings.Contains(v, "(sealed)") || strings.Contains(v, "deputy.example") {
				return from
			}
		}
		return to
	}
	text, err := json.Marshal(fill(recordedValue, liveValue))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// replay delivers a recorded event and checks that Chat accepts the answer.
func (tr *trial) replay(t *testing.T, name, event string) {
	t.Helper()
	format, token := chatpage.Classic, tr.google.ChatToken()
	if strings.Contains(event, "authorizationEventObject") {
		format, token = chatpage.AddOn, tr.google.AddOnToken(tr.address+"/chatevent")
	}
	got := tr.do(http.MethodPost, "/chatevent", event, "Authorization", "Bearer "+token,
		"Content-Type", "application/json")
	if got.Code != http.StatusOK {
		t.Errorf("%s: got %d %s", name, got.Code, got.Body)
	}
	if err := tr.page.Check(format, got.Body.Bytes()); err != nil {
		t.Errorf("%s: Chat rejects the answer: %v", name, err)
	}
	if strings.Contains(got.Body.String(), "Something went wrong") {
		t.Errorf("%s: %s", name, got.Body)
	}
	silent := []string{"dialog-cancelled", "removed"}
	if empty := strings.TrimSpace(got.Body.String()) == "{}"; empty != slices.Contains(silent, name) {
		t.Errorf("%s: answered %s", name, got.Body)
	}
}

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/chatpage"
)

// liveEvents is a file of testdata/live: events in the shape that live Chat was seen to send. BUTTON(x) stands for the
// sealed value of the button named x on the card before, and COMPLETE for Chat's address of completion.
type liveEvents struct {
	Format string            `json:"format"`
	Steps  []json.RawMessage `json:"steps"`
}

// liveReplies are the texts that the reply to each event must contain. {} is no reply.
var liveReplies = map[string][]string{
	"01-classic-slash-doubled":      {`"subtitle":"Launch plan","title":"Space created"`},
	"02-addon-live-slash-dm":        {"Your connection"},
	"03-addon-live-dm-message":      {"What Deputy can do"},
	"04-addon-live-mention-add":     {"{}", "What Deputy can do"},
	"06-addon-live-button":          {"Disconnect?", "You're disconnected"},
	"07-classic-live-added-dm":      {"Welcome to Deputy"},
	"09-classic-live-button":        {"Disconnect?", "You're disconnected"},
	"11-classic-live-submit-dialog": {"Create a space", "Enter a name"},
	"12-classic-home-card-clicked":  {"Connected as", "Connected as", "Connected as", `"label":"Name"`},
	"14-addon-home":                 {"Connected as", "This button has expired"},
	"17-addon-slash-in-message":     {"Space created"},
	"18-say-answers-nothing":        {"Message posted", "Message posted"},
	"23-invite-invisible":           slices.Repeat([]string{`"text":"grace@example.com`}, 13),
	"26-odd-ids":                    slices.Repeat([]string{"What Deputy can do"}, 6),
	"29-external-person":            {"What Deputy can do", "You're not connected", "REQUEST_CONFIG"},
	"32-click-complete-dead-grant":  {"", "Google ended Deputy", "Connect"},
	"35-say-prefix-name":            {"Message posted", "Enter your message", "Message posted"},
	"38-nobody-acts": {
		"Your connection",
		"{}",
		"{}",
		"You're connected",
		"Space created",
		"Message posted",
	},
}

var buttonOf = regexp.MustCompile(`BUTTON\(([^)]*)\)`)

func TestLiveEvents(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/live/*.json")
	if err != nil || len(files) != len(liveReplies) {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var live liveEvents
			if err := json.Unmarshal(text, &live); err != nil {
				t.Fatal(err)
			}
			w := newConnectedWorld(t)
			buttons := map[string]string{}
			for i, step := range live.Steps {
				if string(step) == `"revoke"` {
					w.google.RevokeGrant(ada)
					w.clock.advance(2 * time.Hour)
					continue
				}
				event := buttonOf.ReplaceAllStringFunc(string(step), func(s string) string {
					value := buttons[buttonOf.FindStringSubmatch(s)[1]]
					if value == "" {
						t.Errorf("step %d: no %s", i, s)
					}
					return value
				})
				event = strings.ReplaceAll(event, `"COMPLETE"`, `"`+w.address+`/complete?token=x"`)
				got := w.sendLive(t, live.Format, event)
				if want := liveReplies[name][i]; want == "{}" && got != want || !strings.Contains(got, want) {
					t.Errorf("step %d: no %q in %s", i, want, got)
				}
				if i > 0 && strings.Contains(event, "CARD_CLICKED") && strings.Contains(got, "REQUEST_CONFIG") {
					t.Errorf("step %d: Chat refuses this answer to a click: %s", i, got)
				}
				var reply any
				if err := json.Unmarshal([]byte(got), &reply); err != nil {
					t.Fatal(err)
				}
				collectButtons(reply, buttons)
			}
			if name == "35-say-prefix-name" {
				want := []string{"Ada Lovelace: ask @Annabel, or <" + grace.User() + ">", "Ada Lovelace: hello"}
				if diff := cmp.Diff(want, w.teamMessages(ada)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// collectButtons adds the sealed values of a reply's buttons by their texts.
func collectButtons(v any, out map[string]string) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			collectButtons(item, out)
		}
	case map[string]any:
		text, isButton := v["text"].(string)
		click, _ := v["onClick"].(map[string]any)
		action, _ := click["action"].(map[string]any)
		if list, ok := action["parameters"].([]any); ok && isButton && len(list) == 1 {
			out[text], _ = list[0].(map[string]any)["value"].(string)
		}
		for _, item := range v {
			collectButtons(item, out)
		}
	}
}

// sendLive delivers an event as Chat does in a format, and returns the reply. It fails if Chat would reject the reply.
func (w *world) sendLive(t *testing.T, format, event string) string {
	t.Helper()
	f, token := chatpage.Classic, w.google.ChatToken()
	if format == "addon" {
		f, token = chatpage.AddOn, w.google.AddOnToken(w.address+"/chatevent")
	}
	r := request(t, http.MethodPost, w.address+"/chatevent", []byte(event))
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("status %d, %v: %s", res.StatusCode, err, event)
	}
	if err := w.page.Check(f, body); err != nil {
		t.Errorf("Chat rejects the reply: %v", err)
	}
	return string(body)
}

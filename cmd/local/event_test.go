package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/chatpage"
	"example.com/deputy/emulator/google"
)

func request(t *testing.T, method, address string, body []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, address, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// command returns the event of a person's slash command in the direct message.
func command(p google.Person, message string, id int, args string) map[string]any {
	return map[string]any{
		"type": "MESSAGE", "user": map[string]any{"name": p.User(), "type": "HUMAN"},
		"space": map[string]any{"name": "spaces/DM" + p.Sub, "spaceType": "DIRECT_MESSAGE", "singleUserBotDm": true},
		"message": map[string]any{
			"name": message, "argumentText": args, "slashCommand": map[string]any{"commandId": id},
		},
	}
}

// send delivers an event as Chat does and returns the reply.
func (w *world) send(t *testing.T, event any) string {
	t.Helper()
	status, body := w.sendWith(t, event, "Bearer "+w.google.ChatToken())
	if status != http.StatusOK {
		t.Errorf("status: got %d, want 200", status)
	}
	return body
}

// sendWith delivers an event with this Authorization header, and returns the status
// and body. It fails the test if Chat would reject the reply.
func (w *world) sendWith(t *testing.T, event any, authorization string) (int, string) {
	t.Helper()
	text, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	r := request(t, http.MethodPost, w.address+"/chatevent", text)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode == http.StatusOK {
		format := chatpage.Classic
		if bytes.Contains(text, []byte(`"chat":`)) {
			format = chatpage.AddOn
		}
		if err := w.page.Check(format, body); err != nil {
			t.Errorf("Chat would reject the reply: %v: %s", err, body)
		}
	}
	return res.StatusCode, string(body)
}

func TestEvent_Redelivered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.browser(t, ada).connect()
	event := command(ada, "spaces/DM/messages/m1", 5, "Launch plan")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if reply := w.send(t, event); !strings.Contains(reply, "Space created") {
				t.Errorf("reply: %s", reply)
			}
		})
	}
	wg.Wait()
	if diff := cmp.Diff([]string{"Launch plan"}, w.spaces(ada)); diff != "" {
		t.Error(diff)
	}
}

func TestEvent_SameTextNewMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.browser(t, ada).connect()
	w.send(t, command(ada, "spaces/DM/messages/m1", 5, "Launch plan"))
	reply := w.send(t, command(ada, "spaces/DM/messages/m2", 5, "Launch plan"))
	if !strings.Contains(reply, "already exists") {
		t.Errorf("reply: %s", reply)
	}
}

func TestEvent_Unknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, event := range []any{
		map[string]any{"type": "SOMETHING_NEW"},
		map[string]any{},
		map[string]any{"type": 7},
		map[string]any{"type": "REMOVED_FROM_SPACE", "user": map[string]any{"name": ada.User()}},
	} {
		if got := w.send(t, event); got != "{}" {
			t.Errorf("%v: got %q", event, got)
		}
	}
}

func TestButton_StolenOrExpired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.browser(t, ada).connect()
	reply := w.send(t, command(ada, "spaces/DM/messages/m1", 2, ""))
	_, rest, _ := strings.Cut(reply, `"key":"value","value":"`)
	value, _, found := strings.Cut(rest, `"`)
	if !found {
		t.Fatalf("no button in %s", reply)
	}
	click := func(p google.Person, space, value string) map[string]any {
		return map[string]any{
			"type": "CARD_CLICKED", "user": map[string]any{"name": p.User()}, "space": map[string]any{"name": space},
			"common": map[string]any{"parameters": map[string]any{"value": value}},
		}
	}
	home := "spaces/DM" + ada.Sub
	for name, event := range map[string]map[string]any{
		"another person": click(grace, home, value),
		"another space":  click(ada, "spaces/AAAAteam", value),
		"altered":        click(ada, home, value[:len(value)-4]+"AAAA"),
		"empty":          click(ada, home, ""),
	} {
		if got := w.send(t, event); !strings.Contains(got, "This button has expired") {
			t.Errorf("%s: %s", name, got)
		}
	}
	if _, err := w.docs.Get(t.Context(), "grants", ada.Sub); err != nil {
		t.Fatalf("no grant: %v", err)
	}
	w.clock.advance(25 * time.Hour)
	if got := w.send(t, click(ada, home, value)); !strings.Contains(got, "This button has expired") {
		t.Errorf("a day later: %s", got)
	}
	w.clock.advance(-25 * time.Hour)
	if got := w.send(t, click(ada, home, value)); !strings.Contains(got, "You're disconnected") {
		t.Errorf("her own click: %s", got)
	}
}

// Adding the app by a mention answers once: an add-on gets two events for it, a classic app one.
func TestAdded_ByMention(t *testing.T) {
	t.Parallel()
	inBothFormats(t, func(t *testing.T, w *world) {
		space := w.google.CreateSpace("Launch", ada, grace)
		b := w.browser(t, ada)
		b.space = space.ID
		shown := b.say("@Deputy help")
		if n := strings.Count(shown.body, `class="card"`); n != 1 {
			t.Errorf("%d cards: %s", n, visibleText(shown.body))
		}
		b.wantText(shown, "/createspace")
		b.wantNoText(shown, "is not responding")
	})
}

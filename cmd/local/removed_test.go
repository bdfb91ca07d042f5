package main

import (
	"net/http"
	"testing"
	"time"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/resource"
)

// spaceEvent returns the event of a person adding the app to a space or removing it.
func spaceEvent(p google.Person, kind, spaceType string) map[string]any {
	return map[string]any{
		"type": kind, "user": map[string]any{"name": p.User(), "type": "HUMAN"},
		"space": map[string]any{
			"name": "spaces/DM" + p.Sub, "spaceType": spaceType,
			"singleUserBotDm": spaceType == "DIRECT_MESSAGE",
		},
	}
}

func TestRemoved_AddOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.browser(t, ada).connect()
	event := map[string]any{"chat": map[string]any{
		"user": map[string]any{"name": ada.User()},
		"removedFromSpacePayload": map[string]any{"space": map[string]any{
			"name":      "spaces/DM" + ada.Sub,
			"spaceType": "DIRECT_MESSAGE", "singleUserBotDm": true,
		}},
	}}
	token := w.google.AddOnToken(w.address + "/chatevent")
	if status, body := w.sendWith(t, event, "Bearer "+token); status != http.StatusOK || body != "{}" {
		t.Errorf("got %d %s", status, body)
	}
	g, err := w.vault.Grant(t.Context(), resource.Person(ada.User()))
	if err != nil || g.RemovedAt.IsZero() {
		t.Errorf("removal not stored: %v, %v", g.RemovedAt, err)
	}
}

func TestRemoved_UnusedGrantEndsAfterAWeek(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		events []map[string]any
		ended  bool
	}{
		"removed": {[]map[string]any{spaceEvent(ada, "REMOVED_FROM_SPACE", "DIRECT_MESSAGE")}, true},
		"removed and added again": {[]map[string]any{
			spaceEvent(ada, "REMOVED_FROM_SPACE", "DIRECT_MESSAGE"),
			spaceEvent(ada, "ADDED_TO_SPACE", "DIRECT_MESSAGE"),
		}, false},
		"removed from a space": {[]map[string]any{spaceEvent(ada, "REMOVED_FROM_SPACE", "SPACE")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.browser(t, ada).connect()
			for _, event := range c.events {
				w.send(t, event)
			}
			w.clock.advance(8 * 24 * time.Hour)
			if _, err := w.grants.Sweep(t.Context(), w.clock.now().Add(time.Hour), 0); err != nil {
				t.Fatal(err)
			}
			if _, err := w.docs.Get(t.Context(), "grants", ada.Sub); (err != nil) != c.ended {
				t.Errorf("the grant: %v", err)
			}
			if got := w.count("revoke"); (got == 1) != c.ended {
				t.Errorf("revocations at Google: %d", got)
			}
		})
	}
}

package main

import (
	"encoding/json"
	"net/http"
	"testing"
)

// FuzzEvent sends any body with a token that is Chat's, in both formats: never
// a panic, never a 5xx, and what is shown is a message as Chat takes it.
func FuzzEvent(f *testing.F) {
	f.Add(`{"type":"MESSAGE","user":{"name":"users/1"},"space":{"name":"spaces/x","spaceType":"SPACE"},"message":{"name":"spaces/x/messages/m","argumentText":"Plan","slashCommand":{"commandId":"5"}},"common":{"userLocale":"zh"}}`)
	f.Add(`{"chat":{"user":{"name":"users/1"},"appCommandPayload":{"appCommandMetadata":{"appCommandId":4.0},"space":{"name":"spaces/x"}}}}`)
	f.Add(`{"type":"CARD_CLICKED","common":{"parameters":{"value":"AAAA"}},"action":{"parameters":[{"key":"value","value":7}]}}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, body string) {
		tr := newTrial(t, nil, false)
		for name, token := range map[string]string{"classic": tr.google.ChatToken(), "add-on": tr.google.AddOnToken(tr.address + "/chatevent")} {
			got := tr.do(http.MethodPost, "/chatevent", body, "Authorization", "Bearer "+token)
			switch {
			case got.Code == http.StatusBadRequest || got.Code == http.StatusUnauthorized:
				var object map[string]json.RawMessage
				if got.Code == http.StatusBadRequest && json.Unmarshal([]byte(body), &object) == nil && object != nil {
					t.Errorf("%s: an object is refused as none", name)
				}
			case got.Code != http.StatusOK || !json.Valid(got.Body.Bytes()):
				t.Errorf("%s: got %d %s", name, got.Code, got.Body)
			case name == "classic":
				if err := tr.google.Check("Message", got.Body.Bytes()); err != nil {
					t.Errorf("not a message: %v: %s", err, got.Body)
				}
			}
		}
	})
}

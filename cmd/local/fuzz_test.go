package main

import (
	"encoding/json"
	"net/http"
	"testing"

	"example.com/deputy/emulator/chatpage"
)

// FuzzEvent sends any body with Chat's token, in both formats. Deputy must not panic or
// respond with 5xx, and Chat must accept each reply.
func FuzzEvent(f *testing.F) {
	f.Add(`{"type":"MESSAGE","user":{"name":"users/1"},"space":{"name":"spaces/x","spaceType":"SPACE"},` +
		`"message":{"name":"spaces/x/messages/m","argumentText":"Plan","slashCommand":{"commandId":"5"}},` +
		`"common":{"userLocale":"zh"}}`)
	f.Add(`{"chat":{"user":{"name":"users/1"},"appCommandPayload":{` +
		`"appCommandMetadata":{"appCommandId":4.0},"space":{"name":"spaces/x"}}}}`)
	f.Add(`{"type":"CARD_CLICKED","common":{"parameters":{"value":"AAAA"}},` +
		`"action":{"parameters":[{"key":"value","value":7}]}}`)
	f.Add(`{"type":"APP_COMMAND","user":{"name":"users/1"},"space":{"name":"spaces/x"},` +
		`"appCommandMetadata":{"appCommandId":101},"isDialogEvent":true,"dialogEventType":"REQUEST_DIALOG"}`)
	f.Add(`{"commonEventObject":{"formInputs":{"name":{"stringInputs":{"value":["Plan"]}}},` +
		`"parameters":{"value":"AAAA"}},"chat":{"type":"SUBMIT_FORM","user":{"name":"users/1"}}}`)
	f.Add(`{"commonEventObject":{},"chat":{"type":"APP_HOME","user":{"name":"users/1"}}}`)
	f.Add(`{"chat":{"user":{"name":"users/1"},"buttonClickedPayload":{` +
		`"isDialogEvent":"true","dialogEventType":"SUBMIT_DIALOG"}}}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, body string) {
		tr := newTrial(t, nil, false)
		for format, token := range map[chatpage.Format]string{
			chatpage.Classic: tr.google.ChatToken(),
			chatpage.AddOn:   tr.google.AddOnToken(tr.address + "/chatevent"),
		} {
			got := tr.do(http.MethodPost, "/chatevent", body, "Authorization", "Bearer "+token)
			switch {
			case got.Code == http.StatusBadRequest || got.Code == http.StatusUnauthorized:
				var object map[string]json.RawMessage
				if got.Code == http.StatusBadRequest && json.Unmarshal([]byte(body), &object) == nil && object != nil {
					t.Errorf("%s: a JSON object is rejected", format)
				}
			case got.Code != http.StatusOK || !json.Valid(got.Body.Bytes()):
				t.Errorf("%s: got %d %s", format, got.Code, got.Body)
			default:
				if err := tr.page.Check(format, got.Body.Bytes()); err != nil {
					t.Errorf("%s: Chat would reject the reply: %v: %s", format, err, got.Body)
				}
			}
		}
	})
}

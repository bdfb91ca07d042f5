package main

import (
	"net/http"
	"strings"
	"testing"
)

func TestDeputySpeaksThePersonsLanguageInChatAndInTheBrowser(t *testing.T) {
	t.Parallel()
	for locale, want := range map[string]string{"zh-CN": "Deputy 能做什么", "zh": "Deputy 能做什么", "en": "What Deputy can do", "fr": "What Deputy can do", "": "What Deputy can do"} {
		w := begin(t)
		classic := command(ada, "spaces/DM/messages/m1", 4, "")
		classic["common"] = map[string]any{"userLocale": locale}
		if got := w.send(t, classic); !strings.Contains(got, want) {
			t.Errorf("classic, %q: %s", locale, got)
		}
		addOn := map[string]any{
			"commonEventObject": map[string]any{"userLocale": locale},
			"chat": map[string]any{"user": map[string]any{"name": ada.User()}, "appCommandPayload": map[string]any{
				"appCommandMetadata": map[string]any{"appCommandId": "4"},
			}},
		}
		if _, got := w.sendWith(t, addOn, "Bearer "+w.google.AddOnToken(w.address+"/chatevent")); !strings.Contains(got, want) {
			t.Errorf("add-on, %q: %s", locale, got)
		}
	}
	w := begin(t)
	for header, want := range map[string][2]string{
		"zh-CN,zh;q=0.9,en;q=0.8": {`<html lang="zh-Hans">`, "此链接已过期"},
		"de-DE,de;q=0.9":          {`<html lang="en">`, "This link has expired"},
		"":                        {`<html lang="en">`, "This link has expired"},
	} {
		r := request(t, http.MethodGet, w.address+"/oauthcallback/start?invitation=x", nil)
		r.Header.Set("Accept-Language", header)
		b := w.browser(t, ada)
		b.has(b.do(r), want[0], want[1])
	}
}

package main

import (
	"net/http"
	"strings"
	"testing"
)

func TestLanguage_ChatAndBrowser(t *testing.T) {
	t.Parallel()
	const english, chinese = "What Deputy can do", "Deputy 能做什么"
	for locale, want := range map[string]string{
		"zh-CN": chinese, "zh": chinese, "en": english, "fr": english, "": english,
	} {
		w := newWorld(t)
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
		_, got := w.sendWith(t, addOn, "Bearer "+w.google.AddOnToken(w.address+"/chatevent"))
		if !strings.Contains(got, want) {
			t.Errorf("add-on, %q: %s", locale, got)
		}
	}
	w := newWorld(t)
	for header, want := range map[string][2]string{
		"zh-CN,zh;q=0.9,en;q=0.8": {`<html lang="zh-Hans">`, "此链接已过期"},
		"de-DE,de;q=0.9":          {`<html lang="en">`, "This link has expired"},
		"":                        {`<html lang="en">`, "This link has expired"},
	} {
		r := request(t, http.MethodGet, w.address+"/oauthcallback/start?invitation=x", nil)
		r.Header.Set("Accept-Language", header)
		b := w.browser(t, ada)
		b.wantText(b.do(r), want[0], want[1])
	}
}

package buildpack

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"example.com/deputy/functions/chatevent"
	"example.com/deputy/functions/createspace"
	"example.com/deputy/functions/oauthcallback"
	"example.com/deputy/functions/securityevent"
)

// odd are values that somebody sets by mistake, or to open something.
var odd = map[string]string{
	"empty": "", "blank": " ", "comma": ",", "commas": "a,,b", "wild card": "*", "line break": "x\ny",
	"invisible": "example.com\u200b", "wild card in a name": "*.example.com", "at sign": "@example.com",
	"address": "http://evil.example/x y",
}

// TestAttack_OddSettings starts each function with each of its settings set to each odd value. Nothing opens, and
// nothing is ignored in silence: the function does not start, and the error names the setting. Only what is optional
// may be empty.
func TestAttack_OddSettings(t *testing.T) {
	shared := []string{
		"GOOGLE_CLOUD_PROJECT", "FIRESTORE_DATABASE?", "ALLOWED_DOMAINS?", "OAUTH_CALLBACK_URL", "OAUTH_CLIENT",
		"KEYSET", "LOOKUP_KEYSET", "KEYSET_KEK?", "CALLERS",
	}
	for function, c := range map[string]struct {
		open     func(context.Context) (http.Handler, error)
		settings []string // "?" marks an optional one
	}{
		"chatevent":     {chatevent.FromEnv, append(shared, "CHAT_PROJECT_NUMBER", "CHAT_ENDPOINT_URL")},
		"oauthcallback": {oauthcallback.FromEnv, append(shared, "APP_CONTACT?")},
		"createspace":   {createspace.FromEnv, append(shared, "API_AUDIENCE", "DELEGATION_SERVICE_ACCOUNT?")},
		"securityevent": {
			securityevent.FromEnv, []string{"GOOGLE_CLOUD_PROJECT", "FIRESTORE_DATABASE?", "OAUTH_CLIENT_ID"},
		},
	} {
		t.Run(function, func(t *testing.T) {
			for _, entry := range environment(t) {
				name, value, _ := strings.Cut(entry, "=")
				t.Setenv(name, value)
			}
			if _, err := c.open(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, setting := range c.settings {
				name, optional := strings.CutSuffix(setting, "?")
				for kind, value := range odd {
					t.Run(name+" "+kind, func(t *testing.T) {
						t.Setenv(name, value)
						_, err := c.open(t.Context())
						switch {
						case optional && value == "":
							if err != nil {
								t.Error(err)
							}
						case err == nil:
							t.Errorf("%q is accepted", value)
						case !strings.Contains(err.Error(), name+" ") && !strings.Contains(err.Error(), name+": "):
							t.Errorf("%q: the error does not name it: %v", value, err)
						}
					})
				}
			}
		})
	}
}

// The app's name may be any text that people see.
func TestSettings_AppName(t *testing.T) {
	for _, entry := range environment(t) {
		name, value, _ := strings.Cut(entry, "=")
		t.Setenv(name, value)
	}
	for value, valid := range map[string]bool{
		"": true, "Acme, Inc. *": true, " ": false, "\u200b": false, "Acme\nInc": false, "Acme\u202e": false,
	} {
		t.Setenv("APP_NAME", value)
		if _, err := oauthcallback.FromEnv(t.Context()); (err == nil) != valid {
			t.Errorf("%q: %v", value, err)
		}
	}
}

// TestAttack_RedirectedLibraries sets what sends Google's libraries to other hosts (google-cloud-go#7271).
func TestAttack_RedirectedLibraries(t *testing.T) {
	for _, name := range []string{
		"GOOGLE_CLOUD_UNIVERSE_DOMAIN", "STORAGE_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST",
		"GCE_METADATA_HOST",
	} {
		for function, open := range map[string]func(context.Context) (http.Handler, error){
			"chatevent": chatevent.FromEnv, "oauthcallback": oauthcallback.FromEnv,
			"createspace": createspace.FromEnv, "securityevent": securityevent.FromEnv,
		} {
			t.Run(name+" "+function, func(t *testing.T) {
				for _, entry := range environment(t) {
					name, value, _ := strings.Cut(entry, "=")
					t.Setenv(name, value)
				}
				t.Setenv("K_SERVICE", "deputy")
				t.Setenv(name, "evil.example")
				if _, err := open(t.Context()); err == nil || !strings.Contains(err.Error(), name+" is set") {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

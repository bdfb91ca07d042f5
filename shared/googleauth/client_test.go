package googleauth_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
)

func TestParseClient(t *testing.T) {
	c, err := googleauth.ParseClient(config.NewSecret(`{"web":{
		"client_id":"c.apps.googleusercontent.com","client_secret":"GOCSPX-x",
		"auth_uri":"https://evil.example.com","token_uri":"https://evil.example.com",
		"redirect_uris":["https://a/callback"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if c.ID != "c.apps.googleusercontent.com" || c.Secret.Reveal() != "GOCSPX-x" ||
		!c.AllowsRedirect("https://a/callback") || c.AllowsRedirect("https://b/callback") {
		t.Errorf("got %+v", c)
	}
}

func TestParseAnyClient(t *testing.T) {
	c, err := googleauth.ParseAnyClient(config.NewSecret(`{"installed":{"client_id":"c","client_secret":"s"}}`))
	want, secret := googleauth.Client{ID: "c", Desktop: true}, cmpopts.IgnoreFields(c, "Secret")
	if diff := cmp.Diff(want, c, secret); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if !c.AllowsRedirect("http://127.0.0.1:1234/") {
		t.Error("a file without redirect URIs allows none")
	}
	_, err = googleauth.ParseAnyClient(config.NewSecret(`{"installed":{}}`))
	if fault.KindOf(err) != fault.Invalid ||
		!strings.Contains(err.Error(), `The client's file has no client_id in "inst`) {
		t.Errorf("%v", err)
	}
}

func TestParseClient_OtherFiles(t *testing.T) {
	const guide = `; Google's samples report: ` +
		`Expected a JSON object with a single property for a "web" or "installed" application`
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"empty":    {"  \n", []string{"is empty"}},
		"not JSON": {"client_id=marked", []string{"is not a JSON object"}},
		"null":     {"null", []string{"is not a JSON object"}},
		"list":     {"[1]", []string{"is not a JSON object"}},
		"desktop client": {
			`{"installed":{"client_id":"marked","client_secret":"marked"}}`,
			[]string{`desktop client ("installed")`, "Web application"},
		},
		"desktop client without ID": {
			`{"installed":{}}`, []string{`no client_id in "installed"; download the client's file again`},
		},
		"secret not text": {`{"web":{"client_id":"c","client_secret":7}}`, []string{"no client_id"}},
		"both kinds":      {`{"web":{},"installed":{}}`, []string{`keep the "web" one`}},
		"stored token": {
			`{"refresh_token":"1//marked","client_id":"c"}`,
			[]string{"stored token", "download the file again", guide},
		},
		"access token": {`{"access_token":"ya29.marked"}`, []string{"stored token", guide}},
		"token.json":   {`{"token":"ya29.marked","scopes":[]}`, []string{"stored token", guide}},
		"service account key": {
			`{"type":"service_account","private_key":"marked"}`,
			[]string{"service account key", "create an OAuth client"},
		},
		"gcloud credentials": {
			`{"type":"authorized_user","refresh_token":"marked"}`,
			[]string{"credentials file of gcloud", "download the client's", guide},
		},
		"unknown":          {`{"hello":"marked"}`, []string{"neither", guide}},
		"empty web client": {`{"web":{}}`, []string{"no client_id"}},
		"web not object":   {`{"web":"marked"}`, []string{"no client_id"}},
		"no client secret": {
			`{"web":{"client_id":"c"}}`,
			[]string{"no client_secret", "Google shows a secret only when it is created", "add a new secret"},
		},
	} {
		_, err := googleauth.ParseClient(config.NewSecret(c.text))
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		for _, want := range append(c.want, "OAUTH_CLIENT") {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is not in %q", name, want, err)
			}
		}
		if strings.Contains(err.Error(), "marked") {
			t.Errorf("%s: the error quotes the text: %q", name, err)
		}
	}
}

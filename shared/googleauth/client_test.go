package googleauth_test

import (
	"strings"
	"testing"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
)

func TestAWebClientsFileIsRead(t *testing.T) {
	c, err := googleauth.ParseClient(config.NewSecret(`{"web":{"client_id":"c.apps.googleusercontent.com","client_secret":"GOCSPX-x",
		"auth_uri":"https://evil.example.com","token_uri":"https://evil.example.com","redirect_uris":["https://a/callback"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if c.ID != "c.apps.googleusercontent.com" || c.Secret.Reveal() != "GOCSPX-x" || !c.Registered("https://a/callback") || c.Registered("https://b/callback") {
		t.Errorf("got %+v", c)
	}
}

func TestEveryOtherFileIsNamedForWhatItIs(t *testing.T) {
	const guide = `Expected a JSON object with a single property for a "web" or "installed" application`
	for name, c := range map[string]struct {
		text config.Secret
		want []string
	}{
		"empty":                   {config.NewSecret("  \n"), []string{"is empty"}},
		"not JSON":                {config.NewSecret("client_id=marked"), []string{"is not a JSON object"}},
		"null":                    {config.NewSecret("null"), []string{"is not a JSON object"}},
		"a list":                  {config.NewSecret("[1]"), []string{"is not a JSON object"}},
		"a desktop client":        {config.NewSecret(`{"installed":{"client_id":"marked"}}`), []string{`desktop client ("installed")`, "Web application"}},
		"both kinds":              {config.NewSecret(`{"web":{},"installed":{}}`), []string{`keep the "web" one`}},
		"a stored token":          {config.NewSecret(`{"refresh_token":"1//marked","client_id":"c"}`), []string{"stored token", "download the file again", guide}},
		"an access token":         {config.NewSecret(`{"access_token":"ya29.marked"}`), []string{"stored token", guide}},
		"the guide's token.json":  {config.NewSecret(`{"token":"ya29.marked","scopes":[]}`), []string{"stored token", guide}},
		"a service account key":   {config.NewSecret(`{"type":"service_account","private_key":"marked"}`), []string{"service account key"}},
		"gcloud's credentials":    {config.NewSecret(`{"type":"authorized_user","refresh_token":"marked"}`), []string{"credentials file of gcloud", guide}},
		"something else":          {config.NewSecret(`{"hello":"marked"}`), []string{"neither", guide}},
		"a web client of nothing": {config.NewSecret(`{"web":{}}`), []string{"no client_id"}},
		"a web client of text":    {config.NewSecret(`{"web":"marked"}`), []string{"no client_id"}},
		"a secret not shown":      {config.NewSecret(`{"web":{"client_id":"c"}}`), []string{"no client_secret", "Google shows a secret only when it is made"}},
	} {
		_, err := googleauth.ParseClient(c.text)
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
			t.Errorf("%s: the text is quoted: %q", name, err)
		}
	}
}

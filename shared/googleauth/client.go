// Package googleauth is a client for Google's OAuth 2.0 and OpenID Connect endpoints. It parses client files, builds
// authorization URLs, exchanges, refreshes and revokes tokens, and verifies the tokens that Google signs.
package googleauth

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/strictjson"
)

// Client is an OAuth client from its client_secrets.json. The endpoints in the file are
// ignored: a file must not choose where a secret is sent.
type Client struct {
	ID           string
	Secret       config.Secret
	RedirectURIs []string
	Desktop      bool // type Desktop app, which may redirect to any loopback port
}

// ParseClient parses the text of client_secrets.json for a "web" client. The error for
// any other text is Invalid and identifies the kind of file, but never quotes it.
func ParseClient(text config.Secret) (Client, error) {
	c, problem := parseClient(text)
	if problem == "" && c.Desktop {
		problem = `is for a desktop client ("installed"); ` +
			"the functions need a client of type Web application, with the callback's URL as a redirect URI"
	}
	return c, clientFault("googleauth.ParseClient", i18n.English("OAUTH_CLIENT %s."), problem)
}

// ParseAnyClient is like ParseClient, but also accepts an "installed" client.
func ParseAnyClient(text config.Secret) (Client, error) {
	c, problem := parseClient(text)
	return c, clientFault("googleauth.ParseAnyClient", i18n.English("The client's file %s."), problem)
}

func clientFault(op string, public i18n.Text, problem string) error {
	if problem == "" {
		return nil
	}
	return &fault.Error{Op: op, Kind: fault.Invalid, Public: public, Args: []any{problem}}
}

// parseClient returns the client, or the problem with the file.
func parseClient(text config.Secret) (c Client, problem string) {
	var file map[string]json.RawMessage
	trimmed := strings.TrimSpace(text.Reveal())
	switch err := strictjson.Decode([]byte(trimmed), &file); {
	case trimmed == "":
		return c, "is empty; it must contain the text of the client's client_secrets.json"
	case err != nil || file == nil:
		return c, "is not a JSON object; it must contain the text of the client's client_secrets.json"
	}
	if problem := identifyFile(file); problem != "" {
		return c, problem
	}
	kind := "web"
	if _, c.Desktop = file["installed"]; c.Desktop {
		kind = "installed"
	}
	var fields struct {
		ClientID     string   `json:"client_id"`
		ClientSecret string   `json:"client_secret"`
		RedirectURIs []string `json:"redirect_uris"`
	}
	if err := strictjson.Decode(file[kind], &fields); err != nil || fields.ClientID == "" {
		return c, `has no client_id in "` + kind + `"; download the client's file again`
	}
	if fields.ClientSecret == "" {
		return c, `has no client_secret in "` + kind + `". Google shows a secret only when it is created; ` +
			"add a new secret to the client, then download its file"
	}
	if strings.ContainsFunc(fields.ClientID+fields.ClientSecret, unicode.IsSpace) {
		return c, `has a blank or a line break in client_id or client_secret; download the client's file again`
	}
	c.ID, c.Secret, c.RedirectURIs = fields.ClientID, config.NewSecret(fields.ClientSecret), fields.RedirectURIs
	return c, ""
}

// identifyFile returns what is wrong with a file that is not the file of one client.
func identifyFile(file map[string]json.RawMessage) string {
	has := func(name string) bool { _, ok := file[name]; return ok }
	var kind string
	_ = strictjson.Decode(file["type"], &kind) // not a string: no kind
	expected := "; Google's samples report: " +
		`Expected a JSON object with a single property for a "web" or "installed" application`
	switch {
	case has("web") && has("installed"):
		return `contains a "web" and an "installed" client; keep the "web" one`
	case has("web"), has("installed"):
		return ""
	case kind == "service_account":
		return "is a service account key, which cannot ask people for consent and which Deputy doesn't use; " +
			"create an OAuth client in the console, under Google Auth Platform, Clients"
	case kind != "":
		return "is a credentials file of gcloud or workload identity federation, not of an OAuth client; " +
			"download the client's client_secrets.json" + expected
	case has("refresh_token"), has("access_token"), has("token"):
		return "is a stored token, not the file of an OAuth client. " +
			"A program might have overwritten client_secrets.json; download the file again" + expected
	default:
		return `has neither a "web" nor an "installed" client` + expected
	}
}

// AllowsRedirect reports whether the file lists redirectURI, or lists no redirect URIs.
func (c Client) AllowsRedirect(redirectURI string) bool {
	return len(c.RedirectURIs) == 0 || slices.Contains(c.RedirectURIs, redirectURI)
}

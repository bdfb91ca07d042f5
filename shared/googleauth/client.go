// Package googleauth speaks with Google's OAuth 2.0 and OpenID Connect
// endpoints and checks what Google signs: the client's file, the authorization
// address, exchange, refresh and revocation of tokens, ID tokens, and the keys
// all of that is signed with.
//
// It does not know people, grants or records: grants does.
package googleauth

import (
	"encoding/json"
	"slices"
	"strings"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
)

// Client is a web OAuth client as its client_secrets.json tells it. The
// addresses in the file are not used: a file must not choose where a secret
// is sent.
type Client struct {
	ID           string
	Secret       config.Secret
	RedirectURIs []string
	Desktop      bool // of type Desktop app: any port of the loopback address is its redirect
}

// ParseClient reads the text of client_secrets.json with a "web" client, for
// the functions. Every other file is refused with a sentence that names it for
// what it is; no part of the text is quoted.
func ParseClient(text config.Secret) (Client, error) {
	c, why := readClient(text)
	if why == "" && c.Desktop {
		why = `is the file of a desktop client ("installed"); the functions need a client of type Web application with the callback's address as redirect URI`
	}
	if why != "" {
		return Client{}, &fault.Error{Op: "googleauth.ParseClient", Kind: fault.Invalid, Public: i18n.English("OAUTH_CLIENT %s."), Args: []any{why}}
	}
	return c, nil
}

// ParseAnyClient is ParseClient for a program on a person's own machine, which
// takes a "web" and an "installed" client.
func ParseAnyClient(text config.Secret) (Client, error) {
	c, why := readClient(text)
	if why != "" {
		return Client{}, &fault.Error{Op: "googleauth.ParseAnyClient", Kind: fault.Invalid, Public: i18n.English("The client's file %s."), Args: []any{why}}
	}
	return c, nil
}

// readClient reads a client, or says what the file is in place of one.
func readClient(text config.Secret) (c Client, why string) {
	var file map[string]json.RawMessage
	trimmed := strings.TrimSpace(text.Reveal())
	switch err := json.Unmarshal([]byte(trimmed), &file); {
	case trimmed == "":
		return c, "is empty; it must hold the text of a client's client_secrets.json"
	case err != nil || file == nil:
		return c, "is not a JSON object; it must hold the text of a client's client_secrets.json"
	}
	if why := otherFile(file); why != "" {
		return c, why
	}
	kind := "web"
	if _, c.Desktop = file["installed"]; c.Desktop {
		kind = "installed"
	}
	var read struct {
		ClientID     string   `json:"client_id"`
		ClientSecret string   `json:"client_secret"`
		RedirectURIs []string `json:"redirect_uris"`
	}
	if err := json.Unmarshal(file[kind], &read); err != nil || read.ClientID == "" {
		return c, `has no client_id in "` + kind + `"; download the file of the client again`
	}
	if read.ClientSecret == "" && !c.Desktop { // a desktop client was refused for what it is so far
		return c, `has no client_secret in "web": Google shows a secret only when it is made; add a new secret to the client and download its file then`
	}
	c.ID, c.Secret, c.RedirectURIs = read.ClientID, config.NewSecret(read.ClientSecret), read.RedirectURIs
	return c, ""
}

// otherFile names a file that is not the file of a client.
func otherFile(file map[string]json.RawMessage) string {
	has := func(name string) bool { _, ok := file[name]; return ok }
	var kind string
	_ = json.Unmarshal(file["type"], &kind) // not a string: no kind
	single := `; Google's own samples say of it: Expected a JSON object with a single property for a "web" or "installed" application`
	switch {
	case has("web") && has("installed"):
		return `holds a "web" and an "installed" client; keep the "web" one`
	case has("web"), has("installed"):
		return ""
	case kind == "service_account":
		return "is a service account key, which cannot ask people for consent (and should not exist: Deputy uses none); make an OAuth client in the console, under Google Auth Platform, Clients"
	case kind != "":
		return "is a credentials file of gcloud or of a federation, not the file of an OAuth client; download the client's client_secrets.json" + single
	case has("refresh_token"), has("access_token"), has("token"):
		return "is a stored token, not the file of an OAuth client: a program has written its token over client_secrets.json; download the file again" + single
	default:
		return `has neither a "web" nor an "installed" client` + single
	}
}

// Registered tells whether the file lists this redirect URI, or lists none.
func (c Client) Registered(redirectURI string) bool {
	return len(c.RedirectURIs) == 0 || slices.Contains(c.RedirectURIs, redirectURI)
}

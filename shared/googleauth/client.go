// Package googleauth speaks with Google's OAuth 2.0 and OpenID Connect
// endpoints and checks what Google signs: the client's file, the authorization
// address, exchange, refresh and revocation of tokens, ID tokens, and the keys
// all of that is signed with.
//
// It does not know people, grants or records: userauth does.
package googleauth

import (
	"encoding/json"
	"slices"
	"strings"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/words"
)

// Client is a web OAuth client as its client_secrets.json tells it. The
// addresses in the file are not used: a file must not choose where a secret
// is sent.
type Client struct {
	ID           string
	Secret       config.Secret
	RedirectURIs []string
}

// ParseClient reads the text of client_secrets.json with a "web" client. Every
// other file is refused with a sentence that names it for what it is; no part
// of the text is quoted.
func ParseClient(text config.Secret) (Client, error) {
	var file map[string]json.RawMessage
	trimmed := strings.TrimSpace(text.Reveal())
	switch err := json.Unmarshal([]byte(trimmed), &file); {
	case trimmed == "":
		return Client{}, refuseClient("is empty; it must hold the text of the client_secrets.json of a web client")
	case err != nil || file == nil:
		return Client{}, refuseClient("is not a JSON object; it must hold the text of the client_secrets.json of a web client")
	}
	if why := otherFile(file); why != "" {
		return Client{}, refuseClient(why)
	}
	var web struct {
		ClientID     string   `json:"client_id"`
		ClientSecret string   `json:"client_secret"`
		RedirectURIs []string `json:"redirect_uris"`
	}
	if err := json.Unmarshal(file["web"], &web); err != nil || web.ClientID == "" {
		return Client{}, refuseClient(`has no client_id in "web"; download the file of the web client again`)
	}
	if web.ClientSecret == "" {
		return Client{}, refuseClient(`has no client_secret in "web": Google shows a secret only when it is made; add a new secret to the client and download its file then`)
	}
	return Client{ID: web.ClientID, Secret: config.Secret(web.ClientSecret), RedirectURIs: web.RedirectURIs}, nil
}

// otherFile names a file that is not the client file of a web client.
func otherFile(file map[string]json.RawMessage) string {
	has := func(name string) bool { _, ok := file[name]; return ok }
	var kind string
	_ = json.Unmarshal(file["type"], &kind) // not a string: no kind
	single := `; Google's own samples say of it: Expected a JSON object with a single property for a "web" or "installed" application`
	switch {
	case has("web") && has("installed"):
		return `holds a "web" and an "installed" client; keep the "web" one`
	case has("web"):
		return ""
	case has("installed"):
		return `is the file of a desktop client ("installed"); the functions need a client of type Web application with the callback's address as redirect URI`
	case kind == "service_account":
		return "is a service account key, which cannot ask people for consent (and should not exist: Deputy uses none); make an OAuth client of type Web application"
	case kind != "":
		return "is a credentials file of gcloud or of a federation, not the file of an OAuth client; download the web client's client_secrets.json" + single
	case has("refresh_token"), has("access_token"), has("token"):
		return "is a stored token, not the file of an OAuth client: a program has written its token over client_secrets.json; download the file again" + single
	default:
		return `has neither a "web" nor an "installed" client` + single
	}
}

func refuseClient(why string) error {
	return &fault.Error{Op: "googleauth.ParseClient", Kind: fault.Invalid, Public: words.English("OAUTH_CLIENT %s."), Args: []any{why}}
}

// Registered tells whether the file lists this redirect URI, or lists none.
func (c Client) Registered(redirectURI string) bool {
	return len(c.RedirectURIs) == 0 || slices.Contains(c.RedirectURIs, redirectURI)
}

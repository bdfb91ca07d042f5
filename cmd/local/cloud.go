package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/option"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/meetings"
	"example.com/deputy/shared/spaces"
)

// googleBackend holds the Google endpoints and the OAuth client that the functions use.
type googleBackend struct {
	client   googleauth.Client
	accounts googleauth.Endpoints
	spaces   spaces.Endpoints
	meetings meetings.Endpoints
}

// emulatedGoogle returns this program's Google emulator. The functions call it at
// googleURL; the browser finds its consent page at the page's address.
func (p *program) emulatedGoogle(googleURL string) googleBackend {
	g, secret := p.google, config.NewSecret(p.google.ClientSecret)
	return googleBackend{
		client: googleauth.Client{ID: g.ClientID, Secret: secret, RedirectURIs: g.RedirectURIs},
		accounts: googleauth.Endpoints{
			Authorization: p.address + "/google/o/oauth2/v2/auth",
			Token:         googleURL + "/token", Revocation: googleURL + "/revoke",
			Certs: googleURL + "/oauth2/v3/certs", Events: googleURL + "/.well-known/risc-configuration",
			ChatCerts: googleURL + "/service_accounts/v1/metadata/x509/chat@system.gserviceaccount.com",
		},
		spaces:   spaces.Endpoints{Chat: googleURL + "/", Identity: googleURL + "/"},
		meetings: meetings.Endpoints{Meet: googleURL + "/", Calendar: googleURL + "/calendar/v3/"},
	}
}

// loadGoogleBackend returns real Google with the web client in a client_secrets.json file.
func loadGoogleBackend(file string) (*googleBackend, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the -google flag names it
	if err != nil {
		return nil, fmt.Errorf("-google: %w", err)
	}
	client, err := googleauth.ParseClient(config.NewSecret(text))
	if err != nil {
		return nil, fmt.Errorf("-google %s: %w", file, err)
	}
	return &googleBackend{client, googleauth.Google, spaces.Google, meetings.Google}, nil
}

// checkRedirectURIs fails if the OAuth client lacks a redirect URI of the page at address.
func (c *googleBackend) checkRedirectURIs(address string) error {
	var missing []string
	for _, uri := range []string{address + "/oauthcallback/callback", address + signInPath + "/callback"} {
		if !c.client.AllowsRedirect(uri) {
			missing = append(missing, uri)
		}
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("-google: the OAuth client lacks %s; add it under Authorized redirect URIs in the console "+
		"(Google Auth Platform > Clients), and download the file again", strings.Join(missing, " and "))
}

// newDelegated returns domain-wide delegation at the emulator. With real Google it returns nil.
func (p *program) newDelegated(ctx context.Context, o options, googleURL string) (*grants.Delegated, error) {
	if o.realGoogle != nil {
		return nil, nil //nolint:nilnil // it would need a service account to run as
	}
	client := &http.Client{Transport: &oauth2.Transport{Source: p.google, Base: o.base}}
	tokens, err := googleauth.NewDelegation(ctx, delegationAccount, p.emulatedGoogle(googleURL).accounts, o.base, o.now,
		option.WithEndpoint(googleURL+"/"), option.WithHTTPClient(client))
	if err != nil {
		return nil, err
	}
	return grants.NewDelegated(tokens, p.logger(o)), nil
}

// recordingTransport records calls to real Google for the page: method, host and path, which hold no secrets.
type recordingTransport struct {
	google *google.Server
	now    func() time.Time
	base   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t recordingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	c := google.Call{Method: req.Method + " " + req.URL.Host + req.URL.Path, Path: req.URL.Path, At: t.now()}
	res, err := t.base.RoundTrip(req)
	if err == nil {
		c.Status = res.StatusCode
	}
	t.google.Record(c)
	return res, err
}

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

// cloud is where the functions find Google, and as which OAuth client.
type cloud struct {
	client   googleauth.Client
	accounts googleauth.Endpoints
	spaces   spaces.Endpoints
	meetings meetings.Endpoints
}

// standin is the Google of this program, for the functions at googleAt and for
// the browser at the page's address.
func (p *program) standin(googleAt string) cloud {
	return cloud{
		client: googleauth.Client{ID: p.google.ClientID, Secret: config.NewSecret(p.google.ClientSecret), RedirectURIs: p.google.RedirectURIs},
		accounts: googleauth.Endpoints{
			Authorization: p.address + "/google/o/oauth2/v2/auth", // the browser's way
			Token:         googleAt + "/token", Revocation: googleAt + "/revoke", Certs: googleAt + "/oauth2/v3/certs",
			ChatCerts: googleAt + "/service_accounts/v1/metadata/x509/chat@system.gserviceaccount.com",
			Events:    googleAt + "/.well-known/risc-configuration",
		},
		spaces:   spaces.Endpoints{Chat: googleAt + "/", Identity: googleAt + "/"},
		meetings: meetings.Endpoints{Meet: googleAt + "/", Calendar: googleAt + "/calendar/v3/"},
	}
}

// realGoogle is Google itself, with the web client of a client_secrets.json.
func realGoogle(file string) (*cloud, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the person names it
	if err != nil {
		return nil, fmt.Errorf("-google: %w", err)
	}
	client, err := googleauth.ParseClient(config.NewSecret(text))
	if err != nil {
		return nil, fmt.Errorf("-google %s: %w", file, err)
	}
	return &cloud{client, googleauth.Google, spaces.Google, meetings.Google}, nil
}

// registered says which addresses the client still has to allow, for the page
// at this address.
func (c *cloud) registered(address string) error {
	var absent []string
	for _, uri := range []string{address + "/oauthcallback/callback", address + signInPath + "/callback"} {
		if !c.client.Registered(uri) {
			absent = append(absent, uri)
		}
	}
	if absent == nil {
		return nil
	}
	return fmt.Errorf("-google: the OAuth client does not allow %s; add it under Authorized redirect URIs in the console (Google Auth Platform > Clients), and download the file again", strings.Join(absent, " and "))
}

// delegation is domain-wide delegation, which the stand-in plays. Google's own
// would need a service account to run as.
func (p *program) delegation(ctx context.Context, o options, googleAt string) (*grants.Delegated, error) {
	if o.cloud != nil {
		return nil, nil //nolint:nilnil // there is none
	}
	tokens, err := googleauth.NewDelegation(ctx, delegating, p.standin(googleAt).accounts, o.base, o.now,
		option.WithEndpoint(googleAt+"/"), option.WithHTTPClient(&http.Client{Transport: &oauth2.Transport{Source: p.google, Base: o.base}}))
	if err != nil {
		return nil, err
	}
	return grants.NewDelegated(tokens, p.logger(o)), nil
}

// recorded shows the page what is asked of Google itself: method and path, and
// nothing that a secret could stand in.
type recorded struct {
	google *google.Server
	now    func() time.Time
	base   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (r recorded) RoundTrip(req *http.Request) (*http.Response, error) {
	c := google.Call{Method: req.Method + " " + req.URL.Host + req.URL.Path, Path: req.URL.Path, At: r.now()}
	res, err := r.base.RoundTrip(req)
	if err == nil {
		c.Status = res.StatusCode
	}
	r.google.Record(c)
	return res, err
}

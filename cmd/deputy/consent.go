package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/oauth2"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
)

// loopback asks a person for consent in their browser and receives the code on
// this machine (RFC 8252, Google's page "OAuth 2.0 for native apps").
type loopback struct {
	deps
	client     googleauth.Client
	port       int // 0: a free port, or the one that a web client has registered
	useBrowser bool
	wait       time.Duration
}

// authorize obtains a credential for capabilities. The person may choose any account; hint, if any, preselects one.
func (l loopback) authorize(
	ctx context.Context, hint string, capabilities ...capability.Capability,
) (credential, error) {
	listener, redirect, err := l.listen(ctx)
	if err != nil {
		return credential{}, err
	}
	provider := l.newProvider(l.client, redirect)
	a := googleauth.Authorization{
		State: config.NewSecret(rand.Text()), Verifier: config.NewSecret(oauth2.GenerateVerifier()), Nonce: rand.Text(),
		Scopes: capability.Scopes(capabilities...), LoginHint: hint, PromptConsent: true,
	}
	responses := make(chan googleauth.Redirect, 1)
	server := &http.Server{Handler: redirectHandler(redirect, a.State, responses), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Shutdown
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second) // lets the page be sent
		defer cancel()
		_ = server.Shutdown(ctx)
	}()
	l.openConsent(provider.AuthorizationURL(a), listener.Addr())
	var res googleauth.Redirect
	select {
	case res = <-responses:
	case <-ctx.Done():
		return credential{}, errors.New("interrupted: nothing was stored")
	case <-time.After(l.wait):
		return credential{}, l.timeoutError(redirect)
	}
	return l.finish(ctx, provider, a, res)
}

// listen opens the loopback port and returns it with the redirect URI.
func (l loopback) listen(ctx context.Context) (net.Listener, string, error) {
	port, redirect := l.port, ""
	if !l.client.Desktop {
		var err error
		if port, redirect, err = l.registeredRedirect(); err != nil {
			return nil, "", err
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, "", fmt.Errorf("port %d is in use; choose another --port, or omit it to use a free one", port)
	}
	if err == nil && redirect == "" {
		redirect = "http://" + listener.Addr().String() + "/"
	}
	return listener, redirect, err
}

// registeredRedirect returns a web client's loopback redirect exactly as it is registered, because Google compares the
// text.
func (l loopback) registeredRedirect() (port int, redirect string, err error) {
	for _, uri := range l.client.RedirectURIs {
		u, err := url.Parse(uri)
		if err != nil || u.Scheme != "http" || u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost" {
			continue
		}
		port, err := strconv.Atoi(u.Port())
		if err == nil && (l.port == 0 || l.port == port) {
			return port, uri, nil
		}
	}
	port = l.port
	if port == 0 {
		port = 3000
	}
	return 0, "", fmt.Errorf("this is a web client: register http://127.0.0.1:%d/ in its Authorized redirect URIs and"+
		" download its file again, or create a client of type Desktop app, which needs no redirect URI", port)
}

const (
	grantedText = "Done. You can close this page and go back to the terminal."
	failedText  = "Something went wrong. See the terminal for details."
)

// redirectHandler serves the redirect from Google and sends the first response that carries state to responses.
func redirectHandler(redirect string, state config.Secret, responses chan<- googleauth.Redirect) http.Handler {
	registered, _ := url.Parse(redirect) // made, or parsed before
	path := cmp.Or(registered.Path, "/")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && !googleauth.IsNavigation(r) {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		res, err := googleauth.ParseRedirect(r.URL.Query())
		if err != nil || r.Method != http.MethodGet || r.URL.Path != path || !res.State.Equal(state) {
			http.Error(w, "This request doesn't belong to the current sign-in.", http.StatusBadRequest)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		text := grantedText
		if res.Err() != nil {
			text = failedText
		}
		_, _ = io.WriteString(w, `<!doctype html><html lang="en"><meta charset="utf-8">`+
			`<meta name="viewport" content="width=device-width, initial-scale=1"><title>Deputy</title>`+
			`<style>:root{color-scheme:light dark}`+
			`body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem}</style>`+
			`<h1>Deputy</h1><p>`+text+`</p></html>`)
		select {
		case responses <- res:
		default: // a second response is ignored
		}
	})
}

// openConsent prints the address of Google's consent page, and opens it if a browser can be expected. A program that
// opens browsers says nothing about whether one appeared.
func (l loopback) openConsent(address string, local net.Addr) {
	_, _ = fmt.Fprintf(l.err, "Open this address in a browser on this machine, and allow access:\n\n%s\n\n", address)
	_, remote := l.lookupEnv("SSH_CONNECTION")
	if l.useBrowser && !remote {
		_ = l.openBrowser(address) // the address is printed
	}
	if remote {
		_, port, _ := net.SplitHostPort(local.String())
		_, _ = fmt.Fprintf(l.err, "You are connected over SSH. First, run this on the machine with the browser:\n\n"+
			"  ssh -N -L %s:127.0.0.1:%s THIS-MACHINE\n\n", port, port)
	}
}

// timeoutError lists the errors that Google may have shown to the person. Google does not send those to the redirect.
func (l loopback) timeoutError(redirect string) error {
	return fmt.Errorf(`no response within %v; nothing was stored. If Google's page shows
  redirect_uri_mismatch    add %s to the client's redirect URIs (not needed for a Desktop app)
  invalid_client           the client is deleted or of type TV and limited input (no Chat scopes): create a Desktop app
  org_internal             the consent screen is for your organization only: choose one of its accounts
  admin_policy_enforced    your administrator has blocked the scopes: ask them to trust the app
  access blocked, testing  add yourself to the test users of the consent screen`, l.wait, redirect)
}

// finish exchanges the code for tokens and verifies whose consent it is.
func (l loopback) finish(
	ctx context.Context, provider *googleauth.Provider, a googleauth.Authorization, res googleauth.Redirect,
) (credential, error) {
	switch err := res.Err(); {
	case errors.Is(err, googleauth.ErrOtherIssuer):
		return credential{}, errors.New("the response did not come from Google; nothing was stored")
	case errors.Is(err, googleauth.ErrAccessDenied):
		return credential{}, errors.New(
			"you canceled or denied access; nothing was stored. Run the command again to retry",
		)
	case err != nil:
		return credential{}, fmt.Errorf("the response has %w; nothing was stored", err)
	}
	verify := func(ctx context.Context, token config.Secret) (googleauth.Claims, error) {
		return l.verifyID(ctx, l.client.ID, token)
	}
	tokens, claims, err := provider.SignIn(ctx, a, res.Code, verify)
	switch {
	case errors.Is(err, googleauth.ErrClient):
		return credential{}, errors.New("the client ID or its secret is wrong; download the client's file again" +
			" and pass it with --client-secrets")
	case errors.Is(err, googleauth.ErrInvalidGrant):
		return credential{}, errors.New("the authorization code was rejected by Google; nothing was stored." +
			" Run the command again")
	case errors.Is(err, googleauth.ErrReauth):
		return credential{}, errors.New("your organization requires you to sign in to Google again;" +
			" nothing was stored. Run the command again")
	case err != nil:
		return credential{}, fmt.Errorf("nothing was stored: %w", err)
	case tokens.Refresh.Empty():
		return credential{}, errors.New("no refresh token from Google; nothing was stored. Run the same command again")
	}
	return credential{
		ClientID: l.client.ID, Person: string(grants.Person(claims.Subject)), Email: claims.Email,
		Scopes: tokens.Scopes, RefreshToken: tokens.Refresh.Reveal(),
	}, nil
}

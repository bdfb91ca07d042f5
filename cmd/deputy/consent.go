package main

import (
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

// loopback asks a person for consent in their own browser, and receives the
// code on this machine (RFC 8252, Google's page "OAuth 2.0 for native apps").
type loopback struct {
	outside
	client  googleauth.Client
	port    int // 0: a free one, or the one a web client has registered
	browser bool
	wait    time.Duration
}

// received is what came back.
type received struct {
	code config.Secret
	err  error
}

// ask gives the credential for capabilities, of any account that the person
// chooses, or of the one that is hinted at.
func (l loopback) ask(ctx context.Context, hint string, capabilities ...capability.Capability) (credential, error) {
	listener, path, err := l.listen(ctx)
	if err != nil {
		return credential{}, err
	}
	redirect := "http://" + listener.Addr().String() + path
	provider := l.provider(l.client, redirect)
	a := googleauth.Authorization{
		State: config.NewSecret(rand.Text()), Verifier: config.NewSecret(oauth2.GenerateVerifier()), Nonce: rand.Text(),
		Scopes: capability.Scopes(capabilities...), LoginHint: hint, PromptConsent: true,
	}
	came := make(chan received, 1)
	server := &http.Server{Handler: callback(path, a.State, came), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Shutdown
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second) // the page is still to be sent
		defer cancel()
		_ = server.Shutdown(ctx)
	}()
	l.lead(provider.AuthorizationURL(a), listener.Addr())
	var got received
	select {
	case got = <-came:
	case <-ctx.Done():
		return credential{}, errors.New("interrupted: nothing was stored")
	case <-time.After(l.wait):
		return credential{}, l.nobodyCame(redirect)
	}
	if got.err != nil {
		return credential{}, got.err
	}
	return l.exchange(ctx, provider, a, got.code)
}

// listen opens the port, and says which path the browser comes back to.
func (l loopback) listen(ctx context.Context) (net.Listener, string, error) {
	port, path := l.port, "/"
	if !l.client.Desktop {
		registered, err := l.registered()
		if err != nil {
			return nil, "", err
		}
		port, path = registered.port, registered.path
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, "", fmt.Errorf("port %d is in use by another program; choose another with --port, or leave it out for a free one", port)
	}
	return listener, path, err
}

type address struct {
	port int
	path string
}

// registered is the loopback redirect of a web client: Google takes no other.
func (l loopback) registered() (address, error) {
	for _, uri := range l.client.RedirectURIs {
		u, err := url.Parse(uri)
		if err != nil || u.Scheme != "http" || u.Hostname() != "127.0.0.1" {
			continue
		}
		port, err := strconv.Atoi(u.Port())
		if err == nil && (l.port == 0 || l.port == port) {
			return address{port, u.Path}, nil
		}
	}
	port := l.port
	if port == 0 {
		port = 3000
	}
	return address{}, fmt.Errorf("this is a web client: register http://127.0.0.1:%d/ among its Authorized redirect URIs in the console and download its file again, or make a client of type Desktop app, which needs none", port)
}

// callback receives the browser, once.
func callback(path string, state config.Secret, came chan<- received) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.URL.Path != path || q.Get("state") != state.Reveal() || len(q["state"]) != 1 {
			http.Error(w, "This is not the way back from the consent that was begun.", http.StatusBadRequest)
			return
		}
		got := received{code: config.NewSecret(q.Get("code"))}
		switch issuer, code := q.Get("iss"), q.Get("error"); {
		case issuer != "" && googleauth.IssuerURL(issuer) != googleauth.Issuer: // RFC 9207
			got.err = errors.New("somebody else than Google answered; nothing was stored")
		case code == "access_denied":
			got.err = errors.New("you pressed Cancel, or did not allow it: nothing was stored. Run the same again to try once more")
		case code != "" || got.code.Empty():
			got.err = fmt.Errorf("google sent no code (%.60q); nothing was stored", code)
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		text := "Done. You can close this page and go back to the terminal."
		if got.err != nil {
			text = "That did not work. The terminal says why."
		}
		_, _ = io.WriteString(w, `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Deputy</title><style>:root{color-scheme:light dark}body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem}</style><h1>Deputy</h1><p>`+text+`</p></html>`)
		select {
		case came <- got:
		default: // it came twice
		}
	})
	return mux
}

// lead takes the person to Google, or says how to get there.
func (l loopback) lead(to string, at net.Addr) {
	if l.browser {
		if err := l.browse(to); err == nil {
			_, _ = fmt.Fprintln(l.err, "Your browser has opened: choose the account, and allow it.")
			return
		}
	}
	_, _ = fmt.Fprintf(l.err, "Open this address in a browser on this machine:\n\n%s\n\n", to)
	if _, remote := l.lookup("SSH_CONNECTION"); remote {
		_, port, _ := net.SplitHostPort(at.String())
		_, _ = fmt.Fprintf(l.err, "You are here by SSH. In a terminal of the machine with the browser, first:\n\n  ssh -N -L %s:127.0.0.1:%s THIS-MACHINE\n\n", port, port)
	}
}

// nobodyCame says what Google's pages, which we do not see, may have said.
func (l loopback) nobodyCame(redirect string) error {
	return fmt.Errorf(`nobody came back within %v; nothing was stored. If Google's page said
  redirect_uri_mismatch    the client has to allow %s (a Desktop app allows it by itself)
  invalid_client           the client was deleted, or is of the type TV and limited input, which Google lets ask for no scope of Chat: make a Desktop app
  org_internal             the consent screen is for your organization only: choose an account of it
  admin_policy_enforced    your administrator has blocked the scopes: ask them to trust the app
  access blocked, testing  add yourself to the test users of the consent screen`, l.wait, redirect)
}

// exchange trades the code, and finds out whose consent it is.
func (l loopback) exchange(ctx context.Context, provider *googleauth.Provider, a googleauth.Authorization, code config.Secret) (credential, error) {
	tokens, err := provider.Exchange(ctx, code, a.Verifier)
	if errors.Is(err, googleauth.ErrClient) {
		return credential{}, errors.New("google does not know this client, or its secret is wrong: download the client's file again, and give it by --client-secrets")
	}
	if err != nil {
		return credential{}, err
	}
	claims, err := l.verify(ctx, l.client.ID, tokens.ID)
	switch {
	case err != nil:
		return credential{}, err
	case claims.Nonce != a.Nonce || claims.Subject == "":
		return credential{}, errors.New("the answer is of another consent; nothing was stored")
	case tokens.Refresh.Empty():
		return credential{}, errors.New("google gave nothing that lasts (no refresh token); nothing was stored. Run the same again")
	}
	return credential{ClientID: l.client.ID, Person: string(grants.Person(claims.Subject)), Email: claims.Email, Scopes: tokens.Scopes, RefreshToken: tokens.Refresh.Reveal()}, nil
}

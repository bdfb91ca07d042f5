package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/tink-crypto/tink-go/v2/tink"
	"golang.org/x/term"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/production"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/seal/kms"
	"example.com/deputy/shared/spaces"
)

// newDeps returns the dependencies outside of tests: Google and Firestore.
func newDeps() deps {
	base := googlecall.NewTransport()
	configDir, err := os.UserConfigDir()
	if err != nil {
		configDir = "."
	}
	columns, _, err := term.GetSize(int(os.Stderr.Fd()))
	if err != nil {
		columns = 0 // not a terminal
	}
	newDelegation := func(ctx context.Context, account string) (*googleauth.Delegation, error) {
		return googleauth.NewDelegation(ctx, account, googleauth.Google, base, time.Now)
	}
	return deps{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		isTerminal: term.IsTerminal(int(os.Stdout.Fd())), columns: columns,
		lookupEnv: os.LookupEnv, now: time.Now, configDir: filepath.Join(configDir, "deputy"),
		open: func(ctx context.Context, lookup func(string) (string, bool)) (*production.Parts, error) {
			return production.Open(ctx, config.NewReader(lookup, os.Environ()...), googlecall.NewTransport())
		},
		openCallers: func(ctx context.Context, location string) (callers.Store, error) {
			return callers.OpenStore(ctx, location)
		},
		writeLog:    writeLog,
		openKEK:     func(ctx context.Context, uri string) (tink.AEADWithContext, error) { return kms.New(ctx, uri) },
		openBrowser: openBrowser,
		newProvider: func(client googleauth.Client, redirect string) *googleauth.Provider {
			return googleauth.NewProvider(googleauth.Google, client, redirect, base)
		},
		verifyID: func(ctx context.Context, clientID string, token config.Secret) (googleauth.Claims, error) {
			keys := googleauth.NewKeySet(googleauth.Google.Certs, base, time.Now)
			return googleauth.NewVerifier(googleauth.Issuer, keys, time.Now, clientID).Verify(ctx, token)
		},
		newSpaces: func(ctx context.Context, actor googlecall.Actor) (*spaces.Spaces, error) {
			return newSpaces(ctx, actor, spaces.Google, base)
		},
		newDelegated: func(ctx context.Context, account string) (*grants.Delegated, error) {
			tokens, err := newDelegation(ctx, account)
			if err != nil {
				return nil, err
			}
			return grants.NewDelegated(tokens, slog.New(slog.DiscardHandler)), nil // errors are printed instead
		},
		setQuotaProject: func(project string) { _ = os.Setenv("GOOGLE_CLOUD_QUOTA_PROJECT", project) }, // a valid name
		gcloud:          runGcloud, get: get,
		accountToken: func(ctx context.Context, account, audience string) (config.Secret, error) {
			tokens, err := newDelegation(ctx, account)
			if err != nil {
				return config.Secret{}, err
			}
			return tokens.AccountToken(ctx, audience)
		},
		riscAPI:       "https://risc.googleapis.com/v1beta/",
		tryDelegation: tryDelegation,
	}
}

// newSpaces returns a client with keys for this run: they only derive request IDs.
func newSpaces(
	ctx context.Context, actor googlecall.Actor, endpoints spaces.Endpoints, base http.RoundTripper,
) (*spaces.Spaces, error) {
	keyset, lookup, err := seal.Generate()
	if err != nil {
		return nil, err
	}
	keys, err := seal.New(keyset, lookup, "local", "local")
	if err != nil {
		return nil, err
	}
	return spaces.New(ctx, actor, keys, endpoints, base)
}

// openBrowser opens an address in the person's browser.
func openBrowser(address string) error {
	name, args := "xdg-open", []string{address}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", address}
	}
	cmd := exec.CommandContext(context.Background(), name, args...) //nolint:gosec // fixed names, and Google's address
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }()
	return nil
}

// checkTimeout limits one call of the doctor.
const checkTimeout = 30 * time.Second

// runGcloud runs gcloud without prompts. Its error includes gcloud's message.
func runGcloud(ctx context.Context, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "gcloud", append(args, "--quiet")...) //nolint:gosec // arguments of this program
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.Join(err, errors.New(strings.TrimSpace(stderr.String())))
	}
	return out, nil
}

func get(ctx context.Context, url string) (int, http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	return res.StatusCode, res.Header, res.Body.Close()
}

func tryDelegation(ctx context.Context, account, email string, scopes []string) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	tokens, err := googleauth.NewDelegation(ctx, account, googleauth.Google, googlecall.NewTransport(), time.Now)
	if err != nil {
		return err
	}
	_, err = tokens.Token(ctx, email, scopes)
	return err
}

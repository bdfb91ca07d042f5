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

// production is the world outside of tests: Google itself, and Firestore.
func world() outside {
	base := googleauth.NewTransport()
	folder, err := os.UserConfigDir()
	if err != nil {
		folder = "."
	}
	columns, _, err := term.GetSize(int(os.Stderr.Fd()))
	if err != nil {
		columns = 0 // a pipe
	}
	return outside{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, terminal: term.IsTerminal(int(os.Stdout.Fd())), columns: columns,
		open: func(ctx context.Context) (*production.Parts, error) {
			return production.Open(ctx, config.NewReader(os.LookupEnv), googleauth.NewTransport())
		},
		store: func(ctx context.Context, location string) (callers.Store, error) {
			return callers.OpenStore(ctx, location)
		},
		log:           writeLog,
		kek:           func(ctx context.Context, uri string) (tink.AEADWithContext, error) { return kms.New(ctx, uri) },
		configuration: filepath.Join(folder, "deputy"), browse: browse,
		provider: func(client googleauth.Client, redirect string) *googleauth.Provider {
			return googleauth.NewProvider(googleauth.Google, client, redirect, base)
		},
		verify: func(ctx context.Context, clientID string, token config.Secret) (googleauth.Claims, error) {
			return googleauth.NewVerifier(googleauth.Issuer, clientID, googleauth.NewKeySet(googleauth.Google.Certs, base, time.Now), time.Now).Verify(ctx, token)
		},
		spaces: func(ctx context.Context, actor googlecall.Actor) (*spaces.Spaces, error) {
			return newSpaces(ctx, actor, spaces.Google, base)
		},
		delegate: func(ctx context.Context, account string) (*grants.Delegated, error) {
			tokens, err := googleauth.NewDelegation(ctx, account, googleauth.Google, base, time.Now)
			if err != nil {
				return nil, err
			}
			return grants.NewDelegated(tokens, slog.New(slog.DiscardHandler)), nil // what goes wrong is printed
		},
		own: func(ctx context.Context, account, audience string) (config.Secret, error) {
			tokens, err := googleauth.NewDelegation(ctx, account, googleauth.Google, base, time.Now)
			if err != nil {
				return config.Secret{}, err
			}
			return tokens.AccountToken(ctx, audience)
		},
		riscAPI: "https://risc.googleapis.com/v1beta/",
		lookup:  os.LookupEnv, now: time.Now, gcloud: runGcloud, get: get, mint: mint,
	}
}

// newSpaces makes spaces with keys of this run: they only name requests.
func newSpaces(ctx context.Context, actor googlecall.Actor, at spaces.Endpoints, base http.RoundTripper) (*spaces.Spaces, error) {
	keyset, lookup, err := seal.Generate()
	if err != nil {
		return nil, err
	}
	keys, err := seal.New(keyset, lookup, "desk", "desk")
	if err != nil {
		return nil, err
	}
	return spaces.New(ctx, actor, keys, at, base)
}

// browse opens an address in the person's browser.
func browse(address string) error {
	name, args := "xdg-open", []string{address}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", address}
	}
	cmd := exec.CommandContext(context.Background(), name, args...) //nolint:gosec // names of ours, and Google's address
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }()
	return nil
}

// lookTime bounds one look of the doctor's.
const lookTime = 30 * time.Second

// runGcloud runs gcloud without questions; its error is what gcloud says.
func runGcloud(ctx context.Context, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "gcloud", append(args, "--quiet")...) //nolint:gosec // words of ours
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.Join(err, errors.New(strings.TrimSpace(said.String())))
	}
	return out, nil
}

func get(ctx context.Context, address string) (int, http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, nil, err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	return res.StatusCode, res.Header, res.Body.Close()
}

func mint(ctx context.Context, account, email string, scopes []string) error {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	tokens, err := googleauth.NewDelegation(ctx, account, googleauth.Google, googleauth.NewTransport(), time.Now)
	if err != nil {
		return err
	}
	_, err = tokens.Token(ctx, email, scopes)
	return err
}

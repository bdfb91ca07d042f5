package main

import (
	"context"
	"os"

	"github.com/tink-crypto/tink-go/v2/tink"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/seal/kms"
	"example.com/deputy/shared/userauth"
)

// production is the world outside of tests: Google itself, and Firestore.
func production() outside {
	terminal := false
	if info, err := os.Stdout.Stat(); err == nil {
		terminal = info.Mode()&os.ModeCharDevice != 0
	}
	return outside{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, terminal: terminal,
		auth: func(ctx context.Context) (*userauth.Auth, error) {
			auth, _, err := userauth.FromEnv(ctx, config.Read(os.LookupEnv), googleauth.NewTransport())
			return auth, err
		},
		kek: func(ctx context.Context, uri string) (tink.AEADWithContext, error) { return kms.New(ctx, uri) },
	}
}

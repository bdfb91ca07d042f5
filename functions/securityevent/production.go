package securityevent

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/serve"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/firestore"
)

// FromEnv returns the deployed function, configured by environment variables. It has no secrets.
func FromEnv(ctx context.Context) (http.Handler, error) {
	env := config.NewReader(os.LookupEnv, os.Environ()...)
	store, clients := firestore.FromEnv(env), env.IDs("OAUTH_CLIENT_ID")
	if err := env.Err(); err != nil {
		return nil, err
	}
	docs, err := firestore.New(ctx, store)
	if err != nil {
		return nil, err
	}
	records := vault.New(docs, nil, time.Now)
	tokens := googleauth.NewEventVerifier(googleauth.Google.Events, clients, googlecall.NewTransport(), time.Now)
	handler := New(Deps{Vault: records, Tokens: tokens, Log: slog.Default()})
	return serve.WithReadyCheck(records.Ping, time.Now, handler), nil
}

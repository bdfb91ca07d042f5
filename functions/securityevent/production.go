package securityevent

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/serve"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/firestore"
)

// FromEnv is the function as deployed. It has no secret.
func FromEnv(ctx context.Context) (http.Handler, error) {
	env := config.Read(os.LookupEnv)
	store, clients := firestore.FromEnv(env), env.Names("OAUTH_CLIENT_ID")
	if err := env.Err(); err != nil {
		return nil, err
	}
	docs, err := firestore.New(ctx, store)
	if err != nil {
		return nil, err
	}
	records := vault.New(docs, nil, time.Now)
	return serve.Stored(records.Reachable, time.Now, New(Deps{
		Vault: records, Tokens: googleauth.NewEventVerifier(googleauth.Google.Events, clients, googleauth.NewTransport(), time.Now), Log: slog.Default(),
	})), nil
}

package chatevent

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"time"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/production"
	"example.com/deputy/shared/serve"
)

// FromEnv returns the deployed function, configured by environment variables.
func FromEnv(ctx context.Context) (http.Handler, error) {
	env := config.NewReader(os.LookupEnv, os.Environ()...)
	app := chat.App{ProjectNumber: env.ProjectNumber("CHAT_PROJECT_NUMBER"), Endpoint: env.Address("CHAT_ENDPOINT_URL")}
	location, base := callers.LocationFromEnv(env), googlecall.NewTransport()
	chatKeys := googleauth.NewKeySet(googleauth.Google.ChatCerts, base, time.Now)
	go chatKeys.Prefetch(context.WithoutCancel(ctx)) // in parallel with the steps below
	parts, err := production.Open(ctx, env, base)
	if err != nil {
		return nil, err
	}
	file, err := callers.Open(ctx, location)
	if err != nil {
		return nil, err
	}
	deps, err := parts.OperationsDeps(ctx, file, nil)
	if err != nil {
		return nil, err
	}
	googleKeys := googleauth.NewKeySet(googleauth.Google.Certs, base, time.Now)
	return serve.WithReadyCheck(file.WithReadCheck(parts.Vault.Ping), time.Now, New(Deps{
		App: app, Verifier: chat.NewVerifier(app, chatKeys, googleKeys, time.Now),
		Vault: parts.Vault, Grants: parts.Grants, Consent: parts.Consent, Callers: file,
		Operations: operations.New(deps), Spaces: deps.Spaces, Meetings: deps.Meetings,
		Keys: parts.Keys, Log: slog.Default(), Now: time.Now,
	})), nil
}

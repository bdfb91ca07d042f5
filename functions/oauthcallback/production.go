package oauthcallback

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"time"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/production"
	"example.com/deputy/shared/serve"
)

// FromEnv returns the deployed function's handler, configured from the environment.
func FromEnv(ctx context.Context) (http.Handler, error) {
	env := config.NewReader(os.LookupEnv, os.Environ()...)
	about, location := aboutFromEnv(env), callers.LocationFromEnv(env)
	parts, err := production.Open(ctx, env, googlecall.NewTransport())
	if err != nil {
		return nil, err
	}
	file, err := callers.Open(ctx, location)
	if err != nil {
		return nil, err
	}
	handler := New(Deps{
		Grants: parts.Grants, Consent: parts.Consent, Callers: file,
		Address: parts.Address, Log: slog.Default(), About: about,
	})
	return serve.WithReadyCheck(file.WithReadCheck(parts.Vault.Ping), time.Now, handler), nil
}

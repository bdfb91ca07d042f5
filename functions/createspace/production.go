package createspace

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"time"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/production"
	"example.com/deputy/shared/serve"
)

// FromEnv returns the deployed function, configured by environment variables.
func FromEnv(ctx context.Context) (http.Handler, error) {
	env := config.NewReader(os.LookupEnv, os.Environ()...)
	audiences, account := env.Addresses("API_AUDIENCE"), env.ServiceAccount("DELEGATION_SERVICE_ACCOUNT")
	location, base := callers.LocationFromEnv(env), googlecall.NewTransport()
	parts, err := production.Open(ctx, env, base)
	if err != nil {
		return nil, err
	}
	file, err := callers.Open(ctx, location)
	if err != nil {
		return nil, err
	}
	var delegated *grants.Delegated
	if account != "" {
		tokens, err := googleauth.NewDelegation(ctx, account, googleauth.Google, base, time.Now)
		if err != nil {
			return nil, err
		}
		delegated = grants.NewDelegated(tokens, slog.Default())
	}
	googleKeys := googleauth.NewKeySet(googleauth.Google.Certs, base, time.Now)
	deps, err := parts.OperationsDeps(ctx, file, delegated)
	if err != nil {
		return nil, err
	}
	verifier := callers.NewAuthenticator(googleKeys, file, time.Now, audiences...)
	handler := New(Deps{Callers: verifier, Operations: operations.New(deps), Log: slog.Default()})
	return serve.WithReadyCheck(file.WithReadCheck(parts.Vault.Ping), time.Now, handler), nil
}

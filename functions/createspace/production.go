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
	"example.com/deputy/shared/meetings"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/serve"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/userauth"
)

// FromEnv is the function as deployed.
func FromEnv(ctx context.Context) (http.Handler, error) {
	env := config.Read(os.LookupEnv)
	audience, account := env.Required("API_AUDIENCE"), env.ServiceAccount("DELEGATION_SERVICE_ACCOUNT")
	location, base := callers.FromEnv(env), googleauth.NewTransport()
	auth, keys, err := userauth.FromEnv(ctx, env, base)
	if err != nil {
		return nil, err
	}
	file, err := callers.Open(ctx, location)
	if err != nil {
		return nil, err
	}
	made, err := spaces.New(ctx, auth, keys, spaces.Google, base)
	if err != nil {
		return nil, err
	}
	rooms, err := meetings.New(ctx, auth, keys, meetings.Google, base)
	if err != nil {
		return nil, err
	}
	var delegated *userauth.Delegated
	if account != "" {
		tokens, err := googleauth.NewDelegation(ctx, account, googleauth.Google, base, time.Now)
		if err != nil {
			return nil, err
		}
		delegated = userauth.NewDelegated(tokens, slog.Default())
	}
	googleKeys := googleauth.NewKeySet(googleauth.Google.Certs, base, time.Now)
	do := operations.New(operations.Deps{Auth: auth, Callers: file, Spaces: made, Meetings: rooms, Delegated: delegated, Log: slog.Default(), Now: time.Now})
	return serve.Stored(file.Reachable(auth.Vault.Reachable), time.Now, New(Deps{Callers: callers.New(audience, googleKeys, file, time.Now), Operations: do, Log: slog.Default()})), nil
}

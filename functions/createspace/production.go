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
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/userauth"
)

// FromEnv is the function as deployed.
func FromEnv(ctx context.Context) (http.Handler, error) {
	env := config.Read(os.LookupEnv)
	audience := env.Required("API_AUDIENCE")
	base := googleauth.NewTransport()
	auth, keys, err := userauth.FromEnv(ctx, env, base)
	if err != nil {
		return nil, err
	}
	made, err := spaces.New(ctx, auth, keys, spaces.Endpoint, base)
	if err != nil {
		return nil, err
	}
	rooms, err := meetings.New(ctx, auth, keys, meetings.Google, base)
	if err != nil {
		return nil, err
	}
	googleKeys := googleauth.NewKeySet(googleauth.Google.Certs, base, time.Now)
	return New(Deps{
		Callers: callers.New(audience, googleKeys, auth.Vault, time.Now),
		Auth:    auth, Spaces: made, Meetings: rooms, Log: slog.Default(), Now: time.Now,
	}), nil
}

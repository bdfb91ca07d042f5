package oauthcallback

import (
	"context"
	"log/slog"
	"net/http"
	"os"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/serve"
	"example.com/deputy/shared/userauth"
)

// FromEnv is the function as deployed.
func FromEnv(ctx context.Context) (http.Handler, error) {
	env := config.Read(os.LookupEnv)
	about := aboutFromEnv(env)
	auth, _, err := userauth.FromEnv(ctx, env, googleauth.NewTransport())
	if err != nil {
		return nil, err
	}
	return serve.Stored(auth.Reachable, New(Deps{Auth: auth, Address: auth.Address, Log: slog.Default(), About: about})), nil
}

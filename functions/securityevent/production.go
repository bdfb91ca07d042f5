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
	"example.com/deputy/shared/userauth"
)

// FromEnv is the function as deployed.
func FromEnv(ctx context.Context) (http.Handler, error) {
	base := googleauth.NewTransport()
	auth, _, err := userauth.FromEnv(ctx, config.Read(os.LookupEnv), base)
	if err != nil {
		return nil, err
	}
	return serve.Stored(auth.Reachable, New(Deps{
		Auth: auth, Tokens: googleauth.NewEventVerifier(googleauth.Google.Events, auth.ClientID, base, time.Now), Log: slog.Default(),
	})), nil
}

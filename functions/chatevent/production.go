package chatevent

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"time"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/userauth"
)

// FromEnv is the function as deployed.
func FromEnv(ctx context.Context) (http.Handler, error) {
	env := config.Read(os.LookupEnv)
	projectNumber := env.Digits("CHAT_PROJECT_NUMBER")
	base := googleauth.NewTransport()
	auth, keys, err := userauth.FromEnv(ctx, env, base)
	if err != nil {
		return nil, err
	}
	made, err := spaces.New(ctx, auth, keys, spaces.Endpoint, base)
	if err != nil {
		return nil, err
	}
	certs := googleauth.NewKeySet(googleauth.Google.ChatCerts, base, time.Now)
	return New(Deps{
		Verifier: chat.NewVerifier(certs, projectNumber, time.Now),
		Auth:     auth, Spaces: made, Keys: keys, Log: slog.Default(), Now: time.Now,
	}), nil
}

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
	"example.com/deputy/shared/meetings"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/serve"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/userauth"
)

// FromEnv is the function as deployed.
func FromEnv(ctx context.Context) (http.Handler, error) {
	env := config.Read(os.LookupEnv)
	app := chat.App{ProjectNumber: env.Digits("CHAT_PROJECT_NUMBER"), Endpoint: env.Address("CHAT_ENDPOINT_URL")}
	location, base := callers.FromEnv(env), googleauth.NewTransport()
	chatKeys := googleauth.NewKeySet(googleauth.Google.ChatCerts, base, time.Now)
	go chatKeys.Warm(context.WithoutCancel(ctx)) // while the rest is put together
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
	googleKeys := googleauth.NewKeySet(googleauth.Google.Certs, base, time.Now)
	do := operations.New(operations.Deps{Auth: auth, Callers: file, Spaces: made, Meetings: rooms, Log: slog.Default(), Now: time.Now})
	return serve.Stored(file.Reachable(auth.Vault.Reachable), time.Now, New(Deps{
		App: app, Callers: file, Operations: do, Verifier: chat.NewVerifier(app, chatKeys, googleKeys, time.Now),
		Auth: auth, Spaces: made, Meetings: rooms, Keys: keys, Log: slog.Default(), Now: time.Now,
	})), nil
}

// Package deputy registers Deputy's functions under the names that FUNCTION_TARGET selects. Google's Go buildpack
// requires it to be at the root, to import the framework directly, and to have no test (docs/decisions.md, "The root
// package").
package deputy

import (
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"example.com/deputy/functions/chatevent"
	"example.com/deputy/functions/createspace"
	"example.com/deputy/functions/oauthcallback"
	"example.com/deputy/functions/securityevent"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/serve"
)

func init() {
	slog.SetDefault(logging.New(os.Stderr, os.Getenv("GOOGLE_CLOUD_PROJECT"),
		logging.ParseLevel(os.Getenv("LOG_LEVEL"))))

	drain := &serve.Drain{}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go drain.ExitOnSignal(signals, os.Exit)

	functions.HTTP("ChatEvent", drain.Track(serve.Lazy(chatevent.FromEnv)).ServeHTTP)
	functions.HTTP("OAuthCallback", drain.Track(serve.Lazy(oauthcallback.FromEnv)).ServeHTTP)
	functions.HTTP("CreateSpace", drain.Track(serve.Lazy(createspace.FromEnv)).ServeHTTP)
	functions.HTTP("SecurityEvent", drain.Track(serve.Lazy(securityevent.FromEnv)).ServeHTTP)
}

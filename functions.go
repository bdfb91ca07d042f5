// Package deputy registers Deputy's functions under the names that FUNCTION_TARGET selects. Google's Go buildpack
// requires it to be at the root, to import the framework directly, and to have no test (docs/decisions.md, "The root
// package imports the functions framework").
package deputy

import (
	"context"
	"net/http"
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
	logging.Start(os.Stderr, os.Getenv("GOOGLE_CLOUD_PROJECT"), logging.Level(os.Getenv("LOG_LEVEL")))

	drain := &serve.Drain{}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go drain.ExitOnSignal(signals, os.Exit)

	for name, open := range map[string]func(context.Context) (http.Handler, error){
		"ChatEvent": chatevent.FromEnv, "OAuthCallback": oauthcallback.FromEnv,
		"CreateSpace": createspace.FromEnv, "SecurityEvent": securityevent.FromEnv,
	} {
		function := drain.Track(serve.Lazy(open))
		functions.HTTP(name, function.ServeHTTP)
		if port := os.Getenv("PORT"); port != "" && name == os.Getenv("FUNCTION_TARGET") {
			_ = os.Setenv("PORT", serve.TakePort(port, function)) // a valid name
		}
	}
}

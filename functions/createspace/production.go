package createspace

import (
	"context"
	"log/slog"
	"net/http"
)

// FromEnv is the function as deployed.
func FromEnv(context.Context) (http.Handler, error) {
	return New(Deps{Log: slog.Default()}), nil
}

// Package createspace is the function that other systems call over HTTP. So
// far it is only the door: it is deployed, and says that the API is not built
// yet.
package createspace

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/serve"
)

const deadline = 55 * time.Second

// Deps are what the function works with.
type Deps struct {
	Log *slog.Logger
}

// New is the function's handler.
func New(d Deps) http.Handler {
	door := serve.Doorway{Name: "createspace", Log: d.Log, Deadline: deadline, Fail: fail}
	return door.Handler(func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.NotFound, "The HTTP API is not built yet.")
	})
}

// problem is an application/problem+json body (RFC 9457).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// fail answers every error. Every request is one for now.
func fail(w http.ResponseWriter, _ *http.Request, err error) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusNotImplemented)
	_ = json.NewEncoder(w).Encode(problem{ // into a buffer: cannot fail
		Type: "about:blank", Title: http.StatusText(http.StatusNotImplemented),
		Status: http.StatusNotImplemented, Detail: fault.Public(err, ""),
	})
}

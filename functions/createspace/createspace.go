// Package createspace is the function that other systems call over HTTP: it
// checks who calls and for whom they may act, does one thing as that person,
// and answers in JSON.
//
// So far it makes spaces (POST /v1/spaces), and sweeps for the scheduler (POST
// /v1/sweep); the rest of the API answers 501. Who may act for whom is in
// shared/callers, what is done in shared/spaces.
package createspace

import (
	"log/slog"
	"net/http"
	"time"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/serve"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/words"
)

const (
	deadline = 55 * time.Second // of a request
	actTime  = 50 * time.Second // of the act in it
)

// Deps are what the function works with; all are required.
type Deps struct {
	Callers *callers.Callers
	Auth    *userauth.Auth
	Spaces  *spaces.Spaces
	Log     *slog.Logger
	Now     func() time.Time
}

type function struct{ Deps }

// New is the function's handler.
func New(d Deps) http.Handler {
	f := function{d}
	door := serve.Doorway{Name: "createspace", Log: d.Log, Deadline: deadline, Fail: f.fail}
	mux := http.NewServeMux()
	mux.Handle("POST /v1/spaces", door.Handler(f.create))
	mux.Handle("POST /v1/sweep", door.Handler(f.sweep))
	mux.Handle("/v1/", door.Handler(func(http.ResponseWriter, *http.Request) error { return errNotBuilt }))
	mux.Handle("/", door.Handler(func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.NotFound, words.English("There is nothing here; the API begins at /v1/."))
	}))
	return mux
}

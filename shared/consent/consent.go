// Package consent leads a person through Google's consent. It creates the link that invites one person, runs
// the consent in their browser, and asks them to approve another system. shared/grants stores the result.
//
// It does not know Chat's events or HTML. A consent passes through invite.go, start.go and finish.go. A consent
// that an app of the same project submits passes through accept.go.
package consent

import (
	"context"
	"log/slog"
	"time"

	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// Flow leads people through the consent. It is safe for concurrent use.
type Flow struct {
	grants        *grants.Grants
	deps          grants.Deps
	returnOrigins []string
	vault         *vault.Vault
	log           *slog.Logger
	now           func() time.Time
}

// New returns a Flow that stores grants in gs, which was created from d. A consent may only return to one of
// returnOrigins, such as https://chat.google.com.
func New(gs *grants.Grants, d grants.Deps, returnOrigins ...string) *Flow {
	return &Flow{gs, d, returnOrigins, d.Vault, d.Log, vault.MicrosecondClock(d.Now)}
}

// alarm writes a log line that alerts an operator.
func (f *Flow) alarm(ctx context.Context, name string, person resource.Person, err error) {
	f.log.ErrorContext(ctx, "alarm",
		slog.String("alarm", name), slog.String("person", string(person)), slog.String("error", err.Error()))
}

// Package consent leads a person through Google's consent: it makes the link that
// asks one person, begins and finishes the consent in their browser, and asks for
// their approval of another system. What they allowed goes into shared/grants.
//
// It does not know Chat's events nor HTML. A consent walks through invite.go,
// start.go and finish.go; a consent that an app of the same project brings comes in
// by accept.go.
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

// New is a Flow into gs, with what that was made of. returnOrigins are where a
// consent may end: https://chat.google.com ...
func New(gs *grants.Grants, d grants.Deps, returnOrigins ...string) *Flow {
	return &Flow{gs, d, returnOrigins, d.Vault, d.Log, vault.Clock(d.Now)}
}

// alarm is a line that an operator is woken by.
func (f *Flow) alarm(ctx context.Context, what string, person resource.Person, err error) {
	f.log.ErrorContext(ctx, "alarm", slog.String("alarm", what), slog.String("person", string(person)), slog.String("error", err.Error()))
}

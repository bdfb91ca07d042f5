package vault

import (
	"context"

	"example.com/deputy/shared/fault"
)

const callerRecords = "callers"

// Caller is another system and what the operator lets it do (collection
// callers, id: its service account's unique id).
type Caller struct {
	ID          string
	Email       string // of the service account
	Name        string // as people know it
	Operations  []string
	People      []string // users/{id} or lower-case e-mail addresses
	Domains     []string // lower case
	Authorities []string // "user", "admin", "delegation"
	// Administrators, by lower-case e-mail address, as whom the caller may act
	// by delegation with the authority admin.
	Administrators []string
	Rate           int64 // requests in a minute, for each instance of Deputy; 0 is the usual
	Paused         bool
}

// Caller reads a caller's record; NotFound when there is none.
func (v *Vault) Caller(ctx context.Context, id string) (Caller, error) {
	doc, err := v.docs.Get(ctx, callerRecords, id)
	if err != nil {
		return Caller{}, fault.Wrap("vault.Caller", err)
	}
	f := doc.Fields
	return Caller{
		ID: id, Email: text(f, "email"), Name: text(f, "name"), Operations: texts(f, "operations"), People: texts(f, "people"),
		Domains: texts(f, "domains"), Authorities: texts(f, "authorities"), Administrators: texts(f, "administrators"), Rate: number(f, "rate"), Paused: flag(f, "paused"),
	}, nil
}

// CreateCaller stores a new caller's record; Conflict when there is one.
func (v *Vault) CreateCaller(ctx context.Context, c Caller) error {
	_, err := v.docs.Create(ctx, callerRecords, c.ID, Fields{
		"email": c.Email, "name": c.Name, "operations": c.Operations, "people": c.People,
		"domains": c.Domains, "authorities": c.Authorities, "administrators": c.Administrators, "rate": c.Rate, "paused": c.Paused,
	})
	return fault.Wrap("vault.CreateCaller", err)
}

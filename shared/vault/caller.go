package vault

import (
	"context"

	"example.com/deputy/shared/fault"
)

const callerRecords = "callers"

// Caller is another system and what the operator lets it do (collection
// callers, id: its service account's unique id).
type Caller struct {
	ID          string   `json:"id"`
	Email       string   `json:"email,omitempty"` // of the service account
	Name        string   `json:"name,omitempty"`  // as people know it
	Operations  []string `json:"operations,omitempty"`
	People      []string `json:"people,omitempty"`      // users/{id} or lower-case e-mail addresses
	Domains     []string `json:"domains,omitempty"`     // lower case
	Authorities []string `json:"authorities,omitempty"` // "user", "admin", "delegation"
	// Administrators, by lower-case e-mail address, as whom the caller may act
	// by delegation with the authority admin.
	Administrators []string `json:"administrators,omitempty"`
	Rate           int64    `json:"rate,omitempty"` // requests in a minute, for each instance of Deputy; 0 is the usual
	Paused         bool     `json:"paused,omitempty"`
}

// Caller reads a caller's record; NotFound when there is none.
func (v *Vault) Caller(ctx context.Context, id string) (Caller, error) {
	doc, err := v.docs.Get(ctx, callerRecords, id)
	if err != nil {
		return Caller{}, fault.Wrap("vault.Caller", err)
	}
	return callerOf(doc), nil
}

func callerOf(doc Doc) Caller {
	f := doc.Fields
	return Caller{
		ID: doc.ID, Email: text(f, "email"), Name: text(f, "name"), Operations: texts(f, "operations"), People: texts(f, "people"),
		Domains: texts(f, "domains"), Authorities: texts(f, "authorities"), Administrators: texts(f, "administrators"), Rate: number(f, "rate"), Paused: flag(f, "paused"),
	}
}

// Callers lists up to limit records in the order of their ids, beginning behind
// the id after.
func (v *Vault) Callers(ctx context.Context, after string, limit int) ([]Caller, error) {
	docs, err := v.docs.List(ctx, callerRecords, after, limit)
	out := make([]Caller, len(docs))
	for i, doc := range docs {
		out[i] = callerOf(doc)
	}
	return out, fault.Wrap("vault.Callers", err)
}

// CreateCaller stores a new caller's record; Conflict when there is one.
func (v *Vault) CreateCaller(ctx context.Context, c Caller) error {
	_, err := v.docs.Create(ctx, callerRecords, c.ID, c.fields())
	return fault.Wrap("vault.CreateCaller", err)
}

// EditCaller changes a record, or makes one of an empty one, and gives what
// stands there now. Conflict when somebody else changes it at the same time.
func (v *Vault) EditCaller(ctx context.Context, id string, edit func(*Caller) error) (Caller, error) {
	doc, err := v.docs.Get(ctx, callerRecords, id)
	absent := err != nil && fault.KindOf(err) == fault.NotFound
	if err != nil && !absent {
		return Caller{}, fault.Wrap("vault.EditCaller", err)
	}
	doc.ID = id
	c := callerOf(doc)
	if err := edit(&c); err != nil {
		return c, fault.Wrap("vault.EditCaller", err)
	}
	if absent {
		return c, fault.Wrap("vault.EditCaller", v.CreateCaller(ctx, c))
	}
	_, err = v.docs.Replace(ctx, callerRecords, id, c.fields(), doc.Version)
	return c, fault.Wrap("vault.EditCaller", err)
}

// DeleteCaller removes a record; NotFound when there is none.
func (v *Vault) DeleteCaller(ctx context.Context, id string) error {
	doc, err := v.docs.Get(ctx, callerRecords, id)
	if err == nil {
		err = v.docs.Delete(ctx, callerRecords, id, doc.Version)
	}
	return fault.Wrap("vault.DeleteCaller", err)
}

func (c Caller) fields() Fields {
	return Fields{
		"email": c.Email, "name": c.Name, "operations": c.Operations, "people": c.People,
		"domains": c.Domains, "authorities": c.Authorities, "administrators": c.Administrators, "rate": c.Rate, "paused": c.Paused,
	}
}

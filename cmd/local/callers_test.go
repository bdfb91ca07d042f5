package main

import (
	"os"
	"testing"
	"time"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

const (
	incidentTool     = "incidents"             // ID that the operator chose
	incidentUniqueID = "109000000000000000001" // of its service account
	incidentEmail    = "incidents@tools.iam.gserviceaccount.com"
)

// caller returns the incident tool's record in the callers file.
func caller() callers.Caller {
	return callers.Caller{
		ID: incidentTool, Kind: callers.ServiceAccount, UniqueID: incidentUniqueID, Email: incidentEmail,
		Name: "Incidents", Actions: []string{"spaces.create"},
		Domains: []string{"example.com"}, Authorities: []vault.Authority{"user"},
	}
}

// editCallers edits the callers file, and advances the clock by the minute after which Deputy reads it again.
func (w *world) editCallers(t *testing.T, change func(*callers.Draft) error) {
	t.Helper()
	editCallersFile(t, w.program, change)
	w.clock.advance(time.Minute)
}

func editCallersFile(t *testing.T, p *program, change func(*callers.Draft) error) {
	t.Helper()
	text, err := os.ReadFile(p.callersPath)
	if err == nil {
		text, err = callers.Edit(text, change)
	}
	if err == nil {
		err = os.WriteFile(p.callersPath, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// put adds a caller to the callers file or replaces it.
func (w *world) put(t *testing.T, c callers.Caller) {
	t.Helper()
	w.editCallers(t, func(d *callers.Draft) error { return d.Put(c) })
}

// newWorldWithCaller returns a world with a caller whose every action Ada has approved.
func newWorldWithCaller(t *testing.T, c callers.Caller) *world {
	t.Helper()
	w := newWorld(t)
	w.put(t, c)
	w.approve(t, c)
	return w
}

// approve stores Ada's approval of every action of a caller.
func (w *world) approve(t *testing.T, c callers.Caller) {
	t.Helper()
	approve(t, w.program, w.vault, c)
}

// approve stores Ada's approval in v. If she has no grant, it creates one without any capability.
func approve(t *testing.T, p *program, v *vault.Vault, c callers.Caller) {
	t.Helper()
	g, err := v.Grant(t.Context(), resource.Person(ada.User()))
	now := vault.MicrosecondClock(p.google.Now)()
	if err != nil && fault.KindOf(err) == fault.NotFound {
		refresh, _ := p.google.Connect(ada)
		g, err = vault.Grant{
			Person: resource.Person(ada.User()), ClientID: p.google.ClientID, Status: vault.Connected,
			RefreshToken: config.NewSecret(refresh), Scopes: []string{"email", "openid"},
			ConnectedAt: now, SignedInAt: now, Generation: now.UnixMicro(),
			Email: config.NewSecret(ada.Email), EmailAt: now, Domain: ada.Domain,
			RefreshDay: now, LastUsedDay: now, Due: now.Add(150 * 24 * time.Hour),
		}, nil
	}
	if err == nil {
		g.Approve(c.ID, "user", c.Actions, now)
		_, err = v.SaveGrant(t.Context(), g)
	}
	if err != nil {
		t.Fatal(err)
	}
}

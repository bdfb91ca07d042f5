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
	incidentTool = "incidents"             // the id that the operator chose
	incidents    = "109000000000000000001" // unique id of the system's service account
	incidentsAt  = "incidents@tools.iam.gserviceaccount.com"
)

// caller is what the operator allows the incident tool.
func caller() callers.Caller {
	return callers.Caller{
		ID: incidentTool, Kind: callers.ServiceAccount, UniqueID: incidents, Email: incidentsAt, Name: "Incidents", Actions: []string{"spaces.create"},
		Domains: []string{"example.com"}, Authorities: []vault.Authority{"user"},
	}
}

// file changes the file of callers as the operator does, and lets the minute
// pass after which it counts.
func (w *world) file(t *testing.T, change func(*callers.Draft) error) {
	t.Helper()
	edit(t, w.program, change)
	w.clock.advance(time.Minute)
}

func edit(t *testing.T, p *program, change func(*callers.Draft) error) {
	t.Helper()
	text, err := os.ReadFile(p.callersAt)
	if err == nil {
		text, err = callers.Edit(text, change)
	}
	if err == nil {
		err = os.WriteFile(p.callersAt, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// put lets a caller into the file, or changes it.
func (w *world) put(t *testing.T, c callers.Caller) {
	t.Helper()
	w.file(t, func(d *callers.Draft) error { return d.Put(c) })
}

// beginWith is a program that knows a caller, of which Ada has approved all.
func beginWith(t *testing.T, c callers.Caller) *world {
	t.Helper()
	w := begin(t)
	w.put(t, c)
	w.approve(t, c)
	return w
}

// approve lets Ada have approved all that a caller may do.
func (w *world) approve(t *testing.T, c callers.Caller) {
	t.Helper()
	approve(t, w.program, w.vault, c)
}

// approve is that on a store. Who has not connected yet has signed in then, and
// allowed nothing.
func approve(t *testing.T, p *program, v *vault.Vault, c callers.Caller) {
	t.Helper()
	g, err := v.Grant(t.Context(), resource.Person(ada.User()))
	now := vault.Clock(p.google.Now)()
	if err != nil && fault.KindOf(err) == fault.NotFound {
		refresh, _ := p.google.Connect(ada)
		g, err = vault.Grant{
			Person: resource.Person(ada.User()), ClientID: p.google.ClientID, Status: vault.Connected, RefreshToken: config.NewSecret(refresh), Scopes: []string{"email", "openid"},
			Connected: now, SignedIn: now, Generation: now.UnixMicro(), Email: config.NewSecret(ada.Email), EmailAt: now, Domain: ada.Domain,
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

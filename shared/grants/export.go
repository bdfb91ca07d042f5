package grants

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

const exportLife = 10 * time.Minute

type exportLink struct {
	Person resource.Person `json:"p"`
	Until  time.Time       `json:"e"`
}

// Export is all that Deputy stores about a person, except the tokens: their holder could act as the person.
type Export struct {
	Person           resource.Person  `json:"person"`
	Created          time.Time        `json:"created"`
	Connection       *exportedGrant   `json:"connection"`
	Approvals        []vault.Approval `json:"approvals"`
	Activity         []vault.Activity `json:"activity"`
	Results          []exportedResult `json:"results"`
	ResultsTruncated bool             `json:"resultsCut,omitempty"` // there are more than maxResults results
}

// exportedResult is the stored result of one operation that a system ran as the person.
type exportedResult struct {
	Caller  string          `json:"caller"`
	Result  json.RawMessage `json:"result,omitempty"` // absent while the operation is in progress
	Expires time.Time       `json:"expires"`
}

type exportedGrant struct {
	Status       string    `json:"status"`
	Email        string    `json:"email"`
	Domain       string    `json:"domain"`
	Scopes       []string  `json:"scopes"`
	Declined     []string  `json:"declinedScopes"`
	ClientID     string    `json:"clientId"`
	Connected    time.Time `json:"connected"`
	Via          string    `json:"via,omitempty"`
	RefreshToken bool      `json:"holdsRefreshToken"`
	AccessToken  bool      `json:"holdsAccessToken"`
	AccessExpiry time.Time `json:"accessTokenExpiry"`
	LastUsedDay  time.Time `json:"lastUsedDay"`
	RefreshDay   time.Time `json:"refreshedDay"`
}

const (
	maxActivities = 10_000 // more than the store keeps for one person; read in pages
	maxResults    = 1000   // read in one call of the store, which has a deadline of three seconds
)

// ExportLink returns a link to a person's Export that is valid for ten minutes. Show it only to that person,
// because it gives access to anyone who has it.
func (gs *Grants) ExportLink(person resource.Person) (config.Secret, error) {
	text, err := json.Marshal(exportLink{person, gs.now().Add(exportLife)})
	if err != nil {
		return config.Secret{}, fault.Wrap("grants.ExportLink", err)
	}
	sealed, err := gs.deps.Keys.Seal(text, seal.Place{Purpose: "export"})
	if err != nil {
		return config.Secret{}, fault.Wrap("grants.ExportLink", err)
	}
	return config.NewSecret(gs.deps.Address + "/export?link=" + base64.RawURLEncoding.EncodeToString(sealed)), nil
}

// Export returns the export that a link gives access to, or Invalid if the link has expired or does not open.
func (gs *Grants) Export(ctx context.Context, link config.Secret) (Export, error) {
	l, err := gs.openExportLink(link)
	if err != nil {
		return Export{}, err
	}
	return gs.ExportPerson(ctx, l.Person)
}

// CheckExportLink fails as Export does for a link that has expired or does not open. It reads no data.
func (gs *Grants) CheckExportLink(link config.Secret) error {
	_, err := gs.openExportLink(link)
	return err
}

func (gs *Grants) openExportLink(link config.Secret) (exportLink, error) {
	var l exportLink
	invalid := func(err error) error {
		return &fault.Error{Op: "grants.Export", Kind: fault.Invalid, Public: words.PageExportExpired, Err: err}
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(link.Reveal())
	if err != nil {
		return l, invalid(errors.New("not base64url"))
	}
	plain, err := gs.deps.Keys.Open(sealed, seal.Place{Purpose: "export"})
	if err != nil { // an unknown key is no alarm either: anyone can send any text
		return l, invalid(err)
	}
	if err := json.Unmarshal(plain, &l); err != nil {
		return l, fault.Wrap("grants.Export", err)
	}
	if !gs.now().Before(l.Until) {
		return l, invalid(errors.New("older than ten minutes"))
	}
	return l, nil
}

// ExportPerson returns the export of a person, for the operator.
func (gs *Grants) ExportPerson(ctx context.Context, person resource.Person) (Export, error) {
	out := Export{Person: person, Created: gs.now().UTC()}
	g, _, err := gs.loadGrant(ctx, person)
	if err != nil {
		return out, fault.Wrap("grants.ExportPerson", err)
	}
	if g.Person != "" {
		out.Connection = &exportedGrant{
			Status: string(g.Status), Email: g.Email.Reveal(), Domain: g.Domain,
			Scopes: g.Scopes, Declined: g.Declined, ClientID: g.ClientID, Connected: g.ConnectedAt,
			Via:          g.ConsentSystem,
			RefreshToken: !g.RefreshToken.Empty(), AccessToken: !g.AccessToken.Empty(), AccessExpiry: g.AccessExpiry,
			LastUsedDay: g.LastUsedDay, RefreshDay: g.RefreshDay,
		}
	}
	out.Approvals = g.ValidApprovals()
	if out.Activity, err = gs.vault.Activities(ctx, person, maxActivities); err != nil {
		return out, fault.Wrap("grants.ExportPerson", err)
	}
	operations, err := gs.vault.Operations(ctx, person, maxResults)
	out.ResultsTruncated = len(operations) == maxResults
	for _, o := range operations {
		out.Results = append(out.Results, exportedResult{o.Caller, json.RawMessage(o.Result.Reveal()), o.Expires})
	}
	return out, fault.Wrap("grants.ExportPerson", err)
}

// Erase disconnects a person and erases the activity and stored results of other systems as that person. A
// token that could not be revoked is kept for a retry for a week at most.
func (gs *Grants) Erase(ctx context.Context, person resource.Person) (Disconnection, error) {
	done, err := gs.Disconnect(ctx, person)
	if err == nil {
		err = gs.vault.EraseActivity(ctx, person)
	}
	if err == nil {
		err = gs.vault.EraseOperations(ctx, person)
	}
	return done, fault.Wrap("grants.Erase", err)
}

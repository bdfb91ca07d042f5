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

// exportLink is what a link to a person's export carries, sealed.
type exportLink struct {
	Person resource.Person `json:"p"`
	Until  time.Time       `json:"e"`
}

// Export is all that Deputy holds about a person, but for the tokens
// themselves: whoever had those could act as the person.
type Export struct {
	Person     resource.Person  `json:"person"`
	Made       time.Time        `json:"made"`
	Connection *exportedGrant   `json:"connection"`
	Approvals  []vault.Approval `json:"approvals"`
	Activity   []vault.Activity `json:"activity"`
	Results    []exportedResult `json:"results"`
	Cut        bool             `json:"resultsCut,omitempty"` // there are more results than one read of the store gives
}

// exportedResult is what a system was answered for what it did as the person.
type exportedResult struct {
	Caller  string          `json:"caller"`
	Result  json.RawMessage `json:"result,omitempty"` // absent: not done yet
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
	// mostActivity is more than can stand there: it is read page by page.
	mostActivity = 10_000
	// mostResults are read in one call of the store, which has three seconds.
	mostResults = 1000
)

// ExportLink is a link to a person's Export, good for ten minutes. It is shown
// to that person alone: whoever opens it can read the export.
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

// Export reads what a link leads to; Invalid when it is not ours, or over.
func (gs *Grants) Export(ctx context.Context, link config.Secret) (Export, error) {
	over := func(why error) error {
		return &fault.Error{Op: "grants.Export", Kind: fault.Invalid, Public: words.PageExportExpired, Err: why}
	}
	sealed, err := base64.RawURLEncoding.DecodeString(link.Reveal())
	if err != nil {
		return Export{}, over(errors.New("not a sealed text"))
	}
	plain, err := gs.deps.Keys.Open(sealed, seal.Place{Purpose: "export"})
	if err != nil { // also with an unknown key: it came through a client
		return Export{}, over(err)
	}
	var l exportLink
	if err := json.Unmarshal(plain, &l); err != nil {
		return Export{}, fault.Wrap("grants.Export", err)
	}
	if !gs.now().Before(l.Until) {
		return Export{}, over(errors.New("older than ten minutes"))
	}
	out, err := gs.export(ctx, l.Person)
	return out, fault.Wrap("grants.Export", err)
}

// ExportOf is all that Deputy holds about a person, for who operates it.
func (gs *Grants) ExportOf(ctx context.Context, person resource.Person) (Export, error) {
	out, err := gs.export(ctx, person)
	return out, fault.Wrap("grants.ExportOf", err)
}

func (gs *Grants) export(ctx context.Context, person resource.Person) (out Export, err error) {
	out.Person, out.Made = person, gs.now().UTC()
	g, _, err := gs.grantNow(ctx, person)
	if err != nil {
		return out, err
	}
	if g.Person != "" {
		out.Connection = &exportedGrant{
			Status: string(g.Status), Email: g.Email.Reveal(), Domain: g.Domain, Scopes: g.Scopes, Declined: g.Declined, ClientID: g.ClientID,
			Connected: g.Connected, Via: g.Via, RefreshToken: !g.RefreshToken.Empty(), AccessToken: !g.AccessToken.Empty(), AccessExpiry: g.AccessExpiry,
			LastUsedDay: g.LastUsedDay, RefreshDay: g.RefreshDay,
		}
	}
	out.Approvals = g.Standing()
	if out.Activity, err = gs.vault.Activities(ctx, person, mostActivity); err != nil {
		return out, err
	}
	done, err := gs.vault.Operations(ctx, person, mostResults)
	out.Cut = len(done) == mostResults
	for _, o := range done {
		out.Results = append(out.Results, exportedResult{o.Caller, json.RawMessage(o.Result.Reveal()), o.Expires})
	}
	return out, err
}

// Erase is Disconnect, and erases besides what others did as the person, and the
// answers they got. A token that could not be revoked yet is kept for that, for a
// week at most.
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

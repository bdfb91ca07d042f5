// Package production builds the dependencies of the deployed functions from Google's
// endpoints, Firestore and the environment. No variable changes where tokens are sent.
package production

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/meetings"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/seal/kms"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/firestore"
)

// Parts are the dependencies that functions share.
type Parts struct {
	Vault   *vault.Vault
	Keys    *seal.Keys
	Grants  *grants.Grants
	Consent *consent.Flow
	Address string // the URL of oauthcallback
	base    http.RoundTripper
}

// Open reads env and opens the store. The error lists all errors of env, including earlier ones.
func Open(ctx context.Context, env *config.Reader, base http.RoundTripper) (*Parts, error) {
	store, domains := firestore.FromEnv(env), env.Domains("ALLOWED_DOMAINS")
	out := &Parts{Address: strings.TrimSuffix(env.Address("OAUTH_CALLBACK_URL"), "/"), base: base}
	client := clientFromEnv(env, out.Address)
	out.Keys = keysFromEnv(ctx, env, store.Project, client.ID)
	if err := env.Err(); err != nil {
		return nil, err
	}
	docs, err := firestore.New(ctx, store)
	if err != nil {
		return nil, err
	}
	out.Vault = vault.New(docs, out.Keys, time.Now)
	// The first read opens the connection, so that the first event does not wait for it.
	go func() { _, _ = out.Vault.Cursor(context.WithoutCancel(ctx)) }()
	certs := googleauth.NewKeySet(googleauth.Google.Certs, base, time.Now)
	deps := grants.Deps{
		Vault: out.Vault, Keys: out.Keys, ClientID: client.ID, Address: out.Address, Domains: domains,
		Google:   googleauth.NewProvider(googleauth.Google, client, out.Address+"/callback", base),
		IDTokens: googleauth.NewVerifier(googleauth.Issuer, certs, time.Now, client.ID),
		Log:      slog.Default(), Now: time.Now,
	}
	out.Grants = grants.New(deps)
	// Google does not document the host; observed: chat.google.com
	// (workspace/add-ons/guides/connect-third-party-service).
	out.Consent = consent.New(out.Grants, deps, "https://chat.google.com", "https://mail.google.com")
	return out, nil
}

// OperationsDeps returns the dependencies of operations. delegated is nil if domain-wide delegation is not configured.
func (p *Parts) OperationsDeps(
	ctx context.Context, file *callers.File, delegated *grants.Delegated,
) (operations.Deps, error) {
	chat, err := spaces.New(ctx, p.Grants, p.Keys, spaces.Google, p.base)
	if err != nil {
		return operations.Deps{}, err
	}
	meet, err := meetings.New(ctx, p.Grants, p.Keys, meetings.Google, p.base)
	return operations.Deps{
		Vault: p.Vault, Grants: p.Grants, Consent: p.Consent, Callers: file, Spaces: chat, Meetings: meet,
		Delegated: delegated, Log: slog.Default(), Now: time.Now,
	}, err
}

func clientFromEnv(env *config.Reader, address string) googleauth.Client {
	text := env.Secret("OAUTH_CLIENT")
	if text.Empty() {
		return googleauth.Client{}
	}
	client, err := googleauth.ParseClient(text)
	env.Check(err)
	if redirect := address + "/callback"; err == nil && address != "" && !client.AllowsRedirect(redirect) {
		env.AddError("OAUTH_CLIENT",
			"does not list "+redirect+" among its redirect URIs; add it in the console and download the file again")
	}
	return client
}

// keysFromEnv reads the keysets. If KEYSET_KEK names a Cloud KMS key, it unwraps them with that key.
func keysFromEnv(ctx context.Context, env *config.Reader, project, clientID string) *seal.Keys {
	keyset, lookup := env.Secret("KEYSET"), env.Secret("LOOKUP_KEYSET")
	if keyset.Empty() || lookup.Empty() {
		return nil
	}
	if uri := env.Optional("KEYSET_KEK", ""); uri != "" {
		if err := kms.CheckURI(uri); err != nil {
			env.AddError("KEYSET_KEK", err.Error())
			return nil
		}
		kek, err := kms.New(ctx, uri)
		if err == nil {
			keyset, err = seal.Unwrap(ctx, seal.Keyset, keyset, kek)
		}
		if err == nil {
			lookup, err = seal.Unwrap(ctx, seal.Lookup, lookup, kek)
		}
		if err != nil {
			env.Check(err)
			return nil
		}
	}
	keys, err := seal.New(keyset, lookup, seal.Project(project), clientID)
	env.Check(err)
	return keys
}

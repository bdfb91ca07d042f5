// Package production puts together what the functions work with as deployed:
// Google's own addresses, Firestore, and what the environment says of project, keys,
// client and callers (design section 13). No variable redirects a token.
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

// Parts are what a function is made of.
type Parts struct {
	Vault   *vault.Vault
	Keys    *seal.Keys
	Grants  *grants.Grants
	Consent *consent.Flow
	Address string // of oauthcallback
	base    http.RoundTripper
}

// Open reads env and opens the store. The error lists every fault of env, also those
// that were noted before.
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
	// The first read opens the connection; the first event need not wait for it.
	go func() { _, _ = out.Vault.Cursor(context.WithoutCancel(ctx)) }()
	certs := googleauth.NewKeySet(googleauth.Google.Certs, base, time.Now)
	deps := grants.Deps{
		Vault: out.Vault, Keys: out.Keys, Google: googleauth.NewProvider(googleauth.Google, client, out.Address+"/callback", base),
		IDTokens: googleauth.NewVerifier(googleauth.Issuer, client.ID, certs, time.Now), ClientID: client.ID, Address: out.Address, Domains: domains, Log: slog.Default(), Now: time.Now,
	}
	out.Grants = grants.New(deps)
	// Seen: chat.google.com; Google does not document the host (chat-protocol.md 2.3).
	out.Consent = consent.New(out.Grants, deps, "https://chat.google.com", "https://mail.google.com")
	return out, nil
}

// Operations is what the operations work with. delegated is nil where no service
// account is set up for that.
func (p *Parts) Operations(ctx context.Context, file *callers.File, delegated *grants.Delegated) (operations.Deps, error) {
	chat, err := spaces.New(ctx, p.Grants, p.Keys, spaces.Google, p.base)
	if err != nil {
		return operations.Deps{}, err
	}
	rooms, err := meetings.New(ctx, p.Grants, p.Keys, meetings.Google, p.base)
	return operations.Deps{
		Vault: p.Vault, Grants: p.Grants, Consent: p.Consent, Callers: file, Spaces: chat, Meetings: rooms, Delegated: delegated, Log: slog.Default(), Now: time.Now,
	}, err
}

func clientFromEnv(env *config.Reader, address string) googleauth.Client {
	text := env.Secret("OAUTH_CLIENT")
	if text.Empty() {
		return googleauth.Client{}
	}
	client, err := googleauth.ParseClient(text)
	env.Check(err)
	if err == nil && address != "" && !client.Registered(address+"/callback") {
		env.Fault("OAUTH_CLIENT", "does not list "+address+"/callback among its redirect URIs; add it in the console, and download the file again")
	}
	return client
}

// keysFromEnv reads the keysets; with KEYSET_KEK they are wrapped by that key
// of Cloud KMS, and unwrapped here once.
func keysFromEnv(ctx context.Context, env *config.Reader, project, clientID string) *seal.Keys {
	keyset, lookup := env.Secret("KEYSET"), env.Secret("LOOKUP_KEYSET")
	if keyset.Empty() || lookup.Empty() {
		return nil
	}
	if uri := env.Optional("KEYSET_KEK", ""); uri != "" {
		if err := kms.Check(uri); err != nil {
			env.Fault("KEYSET_KEK", err.Error())
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

package userauth

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/seal/kms"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/firestore"
)

// FromEnv is an Auth as deployed: Google's own addresses, Firestore, and what
// env says of project, keys and client (design section 11). The keys are given
// too, for what functions seal themselves. The error lists every fault of env,
// also those that were noted before.
func FromEnv(ctx context.Context, env *config.Reader, base http.RoundTripper) (*Auth, *seal.Keys, error) {
	store, domains := firestore.FromEnv(env), env.Domains("ALLOWED_DOMAINS")
	address := strings.TrimSuffix(env.Address("OAUTH_CALLBACK_URL"), "/")
	client := clientFromEnv(env, address)
	keys := keysFromEnv(ctx, env, store.Project, client.ID)
	if err := env.Err(); err != nil {
		return nil, nil, err
	}
	docs, err := store.Open(ctx)
	if err != nil {
		return nil, nil, fault.Wrap("userauth.FromEnv", err)
	}
	certs := googleauth.NewKeySet(googleauth.Google.Certs, base, time.Now)
	records := vault.New(docs, keys, time.Now)
	// The first read opens the connection; the first event need not wait for it.
	go func() { _, _ = records.Cursor(context.WithoutCancel(ctx)) }()
	return New(Deps{
		Vault: records, Keys: keys,
		Google:   googleauth.NewProvider(googleauth.Google, client, address+"/callback", base),
		IDTokens: googleauth.NewVerifier(googleauth.Issuer, client.ID, certs, time.Now),
		ClientID: client.ID, Address: address,
		// Seen: chat.google.com; Google does not document the host
		// (chat-protocol.md 2.3).
		ReturnOrigins: []string{"https://chat.google.com", "https://mail.google.com"},
		Domains:       domains,
		Log:           slog.Default(), Now: time.Now,
	}), keys, nil
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
	keys, err := seal.New(keyset, lookup, project, clientID)
	env.Check(err)
	return keys
}

package vault

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"slices"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
)

// What a grant can be found by, besides its person. An address stands in the
// store as a keyed code, so that who reads the store learns none. What Google's
// security events name stands there as a plain SHA-256: they must be understood
// without a key, and what is hashed is long and random.
const (
	byEmail   = "emailCode"
	byPrefix  = "tokenPrefix"  // of the refresh token's first 16 characters
	byHash    = "tokenHash"    // of its double SHA-512
	byHexHash = "tokenHexHash" // the same, the inner digest written in hex
)

// maxOwners bounds how many grants one address or token may be found in.
const maxOwners = 20

// GrantByEmail is the grant of the account that an e-mail address belongs to:
// of several, the one of which Google said so last. NotFound when there is none.
// Only addresses that Google is authoritative for are found.
func (v *Vault) GrantByEmail(ctx context.Context, email string) (Grant, error) {
	email = address.Lower(email)
	codes, err := v.keys.MACs(byEmail, email)
	if err != nil {
		return Grant{}, fault.Wrap("vault.GrantByEmail", err)
	}
	slices.Reverse(codes) // the one in use last, which is where resealing moves records
	var newest Grant
	for _, code := range codes {
		docs, err := v.matching(ctx, grants, byEmail, hex.EncodeToString(code), maxOwners)
		if err != nil {
			return Grant{}, fault.Wrap("vault.GrantByEmail", err)
		}
		for _, doc := range docs {
			g, err := v.grantOf(doc)
			if err != nil && !g.Broken {
				return g, fault.Wrap("vault.GrantByEmail", err)
			}
			// The code is in the clear: only what was sealed is believed.
			if err == nil && address.Lower(g.Email.Reveal()) == email && g.EmailAt.After(newest.EmailAt) {
				newest = g
			}
		}
	}
	if newest.Person == "" {
		return Grant{}, fault.New(fault.NotFound, fault.NoText)
	}
	return newest, nil
}

// prefixLength is how many characters of a refresh token Google's events name.
const prefixLength = 16

// TokenMark is how Google's security events name a refresh token: by its first
// 16 characters, or by its double SHA-512.
type TokenMark struct {
	Prefix string
	Hash   []byte
}

// PeopleByToken are the people whose refresh token m names. No key is needed.
func (v *Vault) PeopleByToken(ctx context.Context, m TokenMark) ([]string, error) {
	fields := map[string]string{byPrefix: m.Prefix, byHash: string(m.Hash), byHexHash: string(m.Hash)}
	for _, field := range []string{byPrefix, byHash, byHexHash} {
		if fields[field] == "" {
			continue
		}
		docs, err := v.matching(ctx, grants, field, digest(fields[field]), maxOwners)
		if err != nil {
			return nil, fault.Wrap("vault.PeopleByToken", err)
		}
		var people []string
		for _, doc := range docs {
			people = append(people, "users/"+doc.ID)
		}
		if len(people) > 0 {
			return people, nil
		}
	}
	return nil, nil
}

// hashes are the two readings of Google's double hash: it does not say whether
// the outer one is over the inner digest or its hex form (oauth-admin.md 3.4).
func hashes(token config.Secret) (raw, hexed string) {
	inner := sha512.Sum512([]byte(token.Reveal()))
	outer, outerHex := sha512.Sum512(inner[:]), sha512.Sum512([]byte(hex.EncodeToString(inner[:])))
	return string(outer[:]), string(outerHex[:])
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// codeAll adds what g is found by.
func (v *Vault) codeAll(into Fields, g Grant) error {
	if token := g.RefreshToken.Reveal(); token != "" {
		raw, hexed := hashes(g.RefreshToken)
		into[byHash], into[byHexHash] = digest(raw), digest(hexed)
		into[byPrefix] = digest(token[:min(prefixLength, len(token))])
	}
	if g.Email.Empty() || g.EmailAt.IsZero() {
		return nil
	}
	code, err := v.keys.MAC(byEmail, address.Lower(g.Email.Reveal()))
	into[byEmail] = hex.EncodeToString(code)
	return err
}

// Indexed are the fields, after their collections, that have an index: deploy.sh
// has the same.
func Indexed() []string {
	return []string{
		"grants/emailCode", "grants/tokenPrefix", "grants/tokenHash", "grants/tokenHexHash", "grants/removedDay", "grants/due",
		"operations/person", "templates/owner",
	}
}

// matching are documents by the value of a field that has an index. Firestore
// refuses all others; so does this, so that no store lets it pass.
func (v *Vault) matching(ctx context.Context, collection Collection, field string, value any, limit int) ([]Doc, error) {
	if !slices.Contains(Indexed(), string(collection)+"/"+field) {
		return nil, &fault.Error{Op: "vault.matching", Err: fmt.Errorf("%s/%s has no index; add it to Indexed, and to deploy.sh", collection, field)}
	}
	return v.docs.Find(ctx, collection, field, value, limit)
}

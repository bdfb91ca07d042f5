package vault

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
)

// What a grant can be found by, besides its person, stands in the store as a
// keyed code: who reads the store learns neither addresses nor tokens.
const (
	byEmail   = "emailCode"
	byPrefix  = "tokenPrefix"  // of the refresh token's first 16 characters
	byHash    = "tokenHash"    // of its double SHA-512
	byHexHash = "tokenHexHash" // the same, the inner digest written in hex
)

// PersonByEmail is the person (users/{sub}) whose grant has this e-mail
// address; NotFound when there is none, or more than one.
func (v *Vault) PersonByEmail(ctx context.Context, email string) (string, error) {
	people, err := v.find(ctx, byEmail, strings.ToLower(email))
	switch {
	case err != nil:
		return "", fault.Wrap("vault.PersonByEmail", err)
	case len(people) != 1:
		// An address can pass from one account to another: then the next
		// consent tells whose it is.
		return "", fault.New(fault.NotFound, fault.None)
	}
	return people[0], nil
}

// prefixLength is how many characters of a refresh token Google's events name.
const prefixLength = 16

// TokenMark is how Google's security events name a refresh token: by its first
// 16 characters, or by its double SHA-512.
type TokenMark struct {
	Prefix string
	Hash   []byte
}

// Of tells whether m names this token. Google does not say whether the outer
// hash is over the inner digest or its hex form (oauth-admin.md 3.4): both fit.
func (m TokenMark) Of(token config.Secret) bool {
	raw, hexed := hashes(token)
	prefix := m.Prefix != "" && m.Prefix == prefixOf(token)
	return token != "" && (prefix || string(m.Hash) == raw || string(m.Hash) == hexed)
}

func hashes(token config.Secret) (raw, hexed string) {
	inner := sha512.Sum512([]byte(token.Reveal()))
	outer, outerHex := sha512.Sum512(inner[:]), sha512.Sum512([]byte(hex.EncodeToString(inner[:])))
	return string(outer[:]), string(outerHex[:])
}

func prefixOf(token config.Secret) string {
	text := token.Reveal()
	return text[:min(prefixLength, len(text))]
}

// PeopleByToken are the people whose refresh token m may name.
func (v *Vault) PeopleByToken(ctx context.Context, m TokenMark) ([]string, error) {
	fields := map[string]string{byPrefix: m.Prefix, byHash: string(m.Hash), byHexHash: string(m.Hash)}
	for _, field := range []string{byPrefix, byHash, byHexHash} {
		if fields[field] == "" {
			continue
		}
		people, err := v.find(ctx, field, fields[field])
		if err != nil || len(people) > 0 {
			return people, fault.Wrap("vault.PeopleByToken", err)
		}
	}
	return nil, nil
}

// find looks under the code of every key, since a rotation may be half way:
// under the one in use last, which is where resealing moves them.
func (v *Vault) find(ctx context.Context, field, value string) ([]string, error) {
	codes, err := v.keys.Codes(field, value)
	if err != nil {
		return nil, err
	}
	slices.Reverse(codes)
	var out []string
	for _, code := range codes {
		docs, err := v.matching(ctx, grants, field, hex.EncodeToString(code))
		if err != nil {
			return nil, err
		}
		for _, doc := range docs {
			if person := "users/" + doc.ID; !slices.Contains(out, person) {
				out = append(out, person)
			}
		}
	}
	return out, nil
}

// codeAll adds the codes under which g is found.
func (v *Vault) codeAll(into Fields, g Grant) error {
	values := map[string]string{}
	if email := g.Email.Reveal(); email != "" {
		values[byEmail] = strings.ToLower(email)
	}
	if g.RefreshToken != "" {
		values[byHash], values[byHexHash] = hashes(g.RefreshToken)
		values[byPrefix] = prefixOf(g.RefreshToken)
	}
	for field, value := range values {
		code, err := v.keys.Code(field, value)
		if err != nil {
			return err
		}
		into[field] = hex.EncodeToString(code)
	}
	return nil
}

// Indexed are the fields, behind their collections, that are looked for by
// value: deploy.sh leaves an index to them alone.
func Indexed() []string {
	return []string{"grants/emailCode", "grants/tokenPrefix", "grants/tokenHash", "grants/tokenHexHash", "replies/person"}
}

// matching are documents by the value of a field that has an index. Firestore
// refuses all others; so does this, so that no store lets it pass.
func (v *Vault) matching(ctx context.Context, collection, field string, value any) ([]Doc, error) {
	if !slices.Contains(Indexed(), collection+"/"+field) {
		return nil, &fault.Error{Op: "vault.matching", Err: fmt.Errorf("%s/%s has no index; add it to Indexed, and to deploy.sh", collection, field)}
	}
	return v.docs.Find(ctx, collection, field, value)
}

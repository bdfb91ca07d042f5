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

// Fields that a grant can be found by. An address is stored as a keyed code, so that it cannot
// be read from the store. Token identifiers from Google's security events are stored as plain
// SHA-256: the events are handled without a key, and what is hashed is long and random.
const (
	emailCodeField    = "emailCode"
	tokenPrefixField  = "tokenPrefix"  // of the refresh token's first 16 characters
	tokenHashField    = "tokenHash"    // of its double SHA-512
	tokenHexHashField = "tokenHexHash" // of its double SHA-512 over the inner digest in hex
)

// maxOwners limits how many grants are read for one address or token.
const maxOwners = 20

// GrantByEmail returns the grant whose account Google confirmed last as the owner of an email
// address, or NotFound. It finds only addresses for which Google is authoritative.
func (v *Vault) GrantByEmail(ctx context.Context, email string) (Grant, error) {
	email = address.Lower(email)
	codes, err := v.keys.MACs(emailCodeField, email)
	if err != nil {
		return Grant{}, fault.Wrap("vault.GrantByEmail", err)
	}
	slices.Reverse(codes) // the current code last: resealing moves records to it
	var newest Grant
	for _, code := range codes {
		docs, err := v.findIndexed(ctx, grants, emailCodeField, hex.EncodeToString(code), maxOwners)
		if err != nil {
			return Grant{}, fault.Wrap("vault.GrantByEmail", err)
		}
		for _, doc := range docs {
			g, err := v.decodeGrant(doc)
			if err != nil && !g.Broken {
				return g, fault.Wrap("vault.GrantByEmail", err)
			}
			// The code is in the clear, so compare the sealed address.
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

// prefixLength is the length of a refresh token's prefix in Google's events.
const prefixLength = 16

// TokenIdentifier identifies a refresh token in Google's security events, by its first 16
// characters or its double SHA-512.
type TokenIdentifier struct {
	Prefix string
	Hash   []byte
}

// PeopleByToken returns the people whose refresh token m identifies. It needs no key.
func (v *Vault) PeopleByToken(ctx context.Context, m TokenIdentifier) ([]string, error) {
	hash := string(m.Hash)
	for _, f := range []struct{ name, value string }{
		{tokenPrefixField, m.Prefix}, {tokenHashField, hash}, {tokenHexHashField, hash},
	} {
		if f.value == "" {
			continue
		}
		docs, err := v.findIndexed(ctx, grants, f.name, sha256Hex(f.value), maxOwners)
		var people []string
		for _, doc := range docs {
			people = append(people, "users/"+doc.ID)
		}
		if err != nil || len(people) > 0 {
			return people, fault.Wrap("vault.PeopleByToken", err)
		}
	}
	return nil, nil
}

// doubleHashes returns both readings of Google's double hash: Google does not say if
// the outer hash is over the inner digest or its hex form (identity/protocols/risc).
func doubleHashes(token config.Secret) (overRaw, overHex string) {
	inner := sha512.Sum512([]byte(token.Reveal()))
	outer, outerHex := sha512.Sum512(inner[:]), sha512.Sum512([]byte(hex.EncodeToString(inner[:])))
	return string(outer[:]), string(outerHex[:])
}

func sha256Hex(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// addLookupFields adds the fields that g can be found by.
func (v *Vault) addLookupFields(fields Fields, g Grant) error {
	if token := g.RefreshToken.Reveal(); token != "" {
		overRaw, overHex := doubleHashes(g.RefreshToken)
		fields[tokenHashField], fields[tokenHexHashField] = sha256Hex(overRaw), sha256Hex(overHex)
		fields[tokenPrefixField] = sha256Hex(token[:min(prefixLength, len(token))])
	}
	if g.Email.Empty() || g.EmailAt.IsZero() {
		return nil
	}
	code, err := v.keys.MAC(emailCodeField, address.Lower(g.Email.Reveal()))
	fields[emailCodeField] = hex.EncodeToString(code)
	return err
}

// IndexedFields returns the indexed fields as {collection}/{field}. deploy/infra.sh has the same list.
func IndexedFields() []string {
	return []string{
		"grants/emailCode", "grants/tokenPrefix", "grants/tokenHash", "grants/tokenHexHash", "grants/removedDay",
		"grants/due", "operations/person", "templates/owner",
	}
}

// findIndexed calls Docs.Find. It rejects a field without an index, as Firestore
// does, so that a test with another store fails, too.
func (v *Vault) findIndexed(ctx context.Context, c Collection, field string, value any, limit int) ([]Doc, error) {
	if !slices.Contains(IndexedFields(), string(c)+"/"+field) {
		return nil, &fault.Error{Op: "vault.findIndexed", Err: fmt.Errorf("field %s/%s has no index", c, field)}
	}
	return v.docs.Find(ctx, c, field, value, limit)
}

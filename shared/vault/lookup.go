package vault

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"strings"

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
		return "", fault.New(fault.NotFound, "")
	}
	return people[0], nil
}

// TokenPrefix is how many characters of a refresh token Google's events name.
const TokenPrefix = 16

// PeopleByTokenPrefix are the people whose refresh token begins with these 16
// characters, as Google's security events name a token.
func (v *Vault) PeopleByTokenPrefix(ctx context.Context, prefix string) ([]string, error) {
	people, err := v.find(ctx, byPrefix, prefix)
	return people, fault.Wrap("vault.PeopleByTokenPrefix", err)
}

// PeopleByTokenHash are the people whose refresh token has this double
// SHA-512. Google does not say whether the outer one is over the inner digest
// or its hex form (oauth-admin.md 3.4): both are tried.
func (v *Vault) PeopleByTokenHash(ctx context.Context, hash []byte) ([]string, error) {
	for _, field := range []string{byHash, byHexHash} {
		people, err := v.find(ctx, field, string(hash))
		if err != nil || len(people) > 0 {
			return people, fault.Wrap("vault.PeopleByTokenHash", err)
		}
	}
	return nil, nil
}

// find looks under the code of every key, since a rotation may be half way.
func (v *Vault) find(ctx context.Context, field, value string) ([]string, error) {
	codes, err := v.keys.Codes(field, value)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, code := range codes {
		docs, err := v.docs.Find(ctx, grants, field, hex.EncodeToString(code))
		if err != nil {
			return nil, err
		}
		for _, doc := range docs {
			out = append(out, "users/"+doc.ID)
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
	if token := g.RefreshToken.Reveal(); token != "" {
		inner := sha512.Sum512([]byte(token))
		outer, hexOuter := sha512.Sum512(inner[:]), sha512.Sum512([]byte(hex.EncodeToString(inner[:])))
		values[byHash], values[byHexHash] = string(outer[:]), string(hexOuter[:])
		values[byPrefix] = token[:min(TokenPrefix, len(token))]
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

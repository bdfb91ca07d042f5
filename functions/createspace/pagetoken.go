package createspace

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
)

// defaultPageSize is the page size if the caller gives none.
const defaultPageSize = 100

// listID identifies a list by its parameters. It prefixes Google's page tokens,
// so that a token of one list is refused for another.
type listID [8]byte

func newListID(c operations.Call, filter string) listID {
	sum := sha256.Sum256([]byte(strings.Join([]string{string(c.Person), string(c.Authority), filter}, "\x00")))
	return listID(sum[:8])
}

// encode returns the page token that the caller gets; nil after the last page.
func (l listID) encode(google string) *string {
	if google == "" {
		return nil
	}
	return new(base64.RawURLEncoding.EncodeToString(append(l[:], google...)))
}

// decode returns the page that the caller asks for.
func (l listID) decode(size *int32, token *string) (operations.PageRequest, error) {
	out := operations.PageRequest{Size: defaultPageSize}
	if token != nil && *token != "" {
		text, err := base64.RawURLEncoding.Strict().DecodeString(*token)
		google, found := strings.CutPrefix(string(text), string(l[:]))
		if err != nil || !found || google == "" {
			return out, invalid(i18n.English("pageToken isn't from this list. Send it with unchanged parameters."))
		}
		out.Token = google
	}
	if size != nil {
		out.Size = int64(*size)
	}
	return out, nil
}

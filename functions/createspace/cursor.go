package createspace

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
)

// usualPage is how many of a list come when the caller does not say.
const usualPage = 100

// list names one: a page token of ours is Google's, bound to it. With other
// parameters it would lead into the middle of another list.
type list [8]byte

func listOf(c operations.Call, what string) list {
	sum := sha256.Sum256([]byte(strings.Join([]string{string(c.Person), string(c.Authority), what}, "\x00")))
	return list(sum[:8])
}

// write is the page token that a caller gets; nil at the end.
func (l list) write(google string) *string {
	if google == "" {
		return nil
	}
	return new(base64.RawURLEncoding.EncodeToString(append(l[:], google...)))
}

// read is the page that a caller asks for.
func (l list) read(size *int, token *string) (operations.Page, error) {
	out := operations.Page{Size: usualPage}
	if token != nil && *token != "" {
		text, err := base64.RawURLEncoding.DecodeString(*token)
		google, ours := strings.CutPrefix(string(text), string(l[:]))
		if err != nil || !ours || google == "" {
			return out, invalid(i18n.English("pageToken is not one of this list. Send it with the parameters as they were."))
		}
		out.Token = google
	}
	if size != nil {
		out.Size = int64(*size)
	}
	return out, nil
}

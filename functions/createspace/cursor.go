package createspace

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"example.com/deputy/shared/words"
)

// A page token of ours is Google's, bound to the list it belongs to: with
// other parameters it would lead into the middle of another list.

func writeCursor(google string, of ...string) string {
	if google == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(listID(of), google...))
}

func readCursor(token string, of ...string) (string, error) {
	if token == "" {
		return "", nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	id := listID(of)
	if err != nil || len(text) <= len(id) || string(text[:len(id)]) != string(id) {
		return "", invalid(words.English("pageToken is not one of this list. Send it with the parameters as they were."))
	}
	return string(text[len(id):]), nil
}

func listID(of []string) []byte {
	sum := sha256.Sum256([]byte(strings.Join(of, "\x00")))
	return sum[:8]
}

func sizeOf(asked *int) (int64, error) {
	switch {
	case asked == nil:
		return usualPage, nil
	case *asked < 1 || *asked > 1000:
		return 0, invalid(words.English("pageSize must be 1 to 1000."))
	}
	return int64(*asked), nil
}

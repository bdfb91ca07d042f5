package oauthcallback

import (
	"testing"

	"example.com/deputy/shared/userauth"
)

func TestEveryCapabilityHasWords(t *testing.T) {
	for _, c := range userauth.Capabilities() {
		if capability[c] == "" {
			t.Errorf("%s has no words", c)
		}
	}
}

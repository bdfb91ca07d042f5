// Package spaces makes Chat spaces as a person: the request and its rules, the
// calls to the Chat API, and what came of each member. Google's errors are
// translated here, once.
//
// It does not know who asked or how the answer is shown: functions do.
package spaces

import (
	"context"
	"net/http"

	chatapi "google.golang.org/api/chat/v1"
	"google.golang.org/api/option"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/userauth"
)

// Endpoint is where the Chat API is.
const Endpoint = "https://chat.googleapis.com/"

// Spaces makes spaces as people. It is safe for concurrent use.
type Spaces struct {
	auth *userauth.Auth
	keys *seal.Keys
	api  *chatapi.Service
}

// New is the Chat API at endpoint for those that auth can act for. One service
// and base serve all people: each call carries its own person's token.
func New(ctx context.Context, auth *userauth.Auth, keys *seal.Keys, endpoint string, base http.RoundTripper) (*Spaces, error) {
	api, err := chatapi.NewService(ctx, option.WithHTTPClient(&http.Client{Transport: base}), option.WithEndpoint(endpoint))
	if err != nil {
		return nil, fault.Wrap("spaces.New", err)
	}
	return &Spaces{auth: auth, keys: keys, api: api}, nil
}

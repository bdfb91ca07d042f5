// Package spaces makes Chat spaces as a person: the request and its rules, the
// calls to the Chat API, and what came of each member. Google's errors are
// translated here, once.
//
// It does not know who asked or how the answer is shown: functions do.
package spaces

import (
	"context"
	"net/http"

	"golang.org/x/oauth2"
	"golang.org/x/time/rate"
	chatapi "google.golang.org/api/chat/v1"
	cloudidentity "google.golang.org/api/cloudidentity/v1"
	"google.golang.org/api/option"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
)

// Endpoints are where the APIs are.
type Endpoints struct{ Chat, Identity string }

// Google is where Google has them.
var Google = Endpoints{Chat: "https://chat.googleapis.com/", Identity: "https://cloudidentity.googleapis.com/"}

// Spaces makes spaces as people. It is safe for concurrent use.
type Spaces struct {
	auth     googlecall.Actor
	keys     *seal.Keys
	api      *chatapi.Service
	identity *cloudidentity.Service
	admin    bool // with useAdminAccess

	members  *rate.Limiter // of adding members one by one
	planning bool          // nothing is called: see Plan
}

// New is the Chat API for those that auth can act for. One service
// and base serve all people: each call carries its own person's token.
func New(ctx context.Context, auth googlecall.Actor, keys *seal.Keys, at Endpoints, base http.RoundTripper) (*Spaces, error) {
	api, identity, err := services(ctx, at, base)
	if err != nil {
		return nil, fault.Wrap("spaces.New", err)
	}
	return &Spaces{auth: auth, keys: keys, api: api, identity: identity, members: rate.NewLimiter(memberWrites, 1)}, nil
}

func services(ctx context.Context, at Endpoints, base http.RoundTripper) (*chatapi.Service, *cloudidentity.Service, error) {
	client := option.WithHTTPClient(&http.Client{Transport: base})
	api, err := chatapi.NewService(ctx, client, option.WithEndpoint(at.Chat))
	if err != nil {
		return nil, nil, err
	}
	identity, err := cloudidentity.NewService(ctx, client, option.WithEndpoint(at.Identity))
	return api, identity, err
}

// By is s with the tokens of another actor.
func (s *Spaces) By(auth googlecall.Actor) *Spaces {
	other := *s
	other.auth = auth
	return &other
}

// Ready tells whether an act with all of the capabilities can begin: one
// consent asks for all.
func (s *Spaces) Ready(ctx context.Context, person resource.Person, needed ...capability.Capability) error {
	needs, err := s.Needs(needed...)
	if err == nil {
		err = s.auth.Act(ctx, person, needs, func(oauth2.TokenSource) error { return nil })
	}
	return fault.Wrap("spaces.Ready", err)
}

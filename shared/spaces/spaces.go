// Package spaces creates and manages Chat spaces as a person. It validates requests, calls the
// Chat API, and reports the result for each member. It translates Google's errors to faults.
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

// Endpoints are the base URLs of the APIs.
type Endpoints struct{ Chat, Identity string }

// Google holds the endpoints of Google.
var Google = Endpoints{Chat: "https://chat.googleapis.com/", Identity: "https://cloudidentity.googleapis.com/"}

// Spaces creates and manages spaces as people. It is safe for concurrent use.
type Spaces struct {
	auth     googlecall.Actor
	keys     *seal.Keys
	api      *chatapi.Service
	identity *cloudidentity.Service
	admin    bool // use useAdminAccess

	addLimiter *rate.Limiter // for adding members one by one
	planning   bool          // requests are only recorded: see Plan
}

// New returns Spaces for the people that auth can act for. All people share one
// service and base: each call carries its own person's token.
func New(
	ctx context.Context, auth googlecall.Actor, keys *seal.Keys, urls Endpoints, base http.RoundTripper,
) (*Spaces, error) {
	api, identity, err := services(ctx, urls, base)
	if err != nil {
		return nil, fault.Wrap("spaces.New", err)
	}
	members := rate.NewLimiter(memberWrites, memberBurst)
	return &Spaces{auth: auth, keys: keys, api: api, identity: identity, addLimiter: members}, nil
}

func services(
	ctx context.Context, urls Endpoints, base http.RoundTripper,
) (*chatapi.Service, *cloudidentity.Service, error) {
	client := option.WithHTTPClient(&http.Client{Transport: base})
	api, err := chatapi.NewService(ctx, client, option.WithEndpoint(urls.Chat))
	if err != nil {
		return nil, nil, err
	}
	identity, err := cloudidentity.NewService(ctx, client, option.WithEndpoint(urls.Identity))
	return api, identity, err
}

// WithActor returns a copy of s with the tokens of another actor.
func (s *Spaces) WithActor(auth googlecall.Actor) *Spaces {
	other := *s
	other.auth = auth
	return &other
}

// CheckCapabilities returns an error if the person has not allowed all of the capabilities, so that one consent asks
// for all.
func (s *Spaces) CheckCapabilities(ctx context.Context, person resource.Person, needed ...capability.Capability) error {
	needs, err := s.Capabilities(needed...)
	if err == nil {
		err = s.auth.Act(ctx, person, needs, func(oauth2.TokenSource) error { return nil })
	}
	return fault.Wrap("spaces.CheckCapabilities", err)
}

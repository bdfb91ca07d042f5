package google

import (
	"crypto/rand"
	"slices"
)

// Connect grants scopes without the consent page. It returns the refresh token and an access token.
func (s *Server) Connect(p Person, scopes ...string) (refresh, access string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	scopes = append([]string{"openid", emailScope}, scopes...)
	refresh = s.newSecret("1//0", rand.Text())
	s.refresh[refresh] = refreshToken{p, scopes}
	access, _ = s.issueAccessToken(p, scopes)["access_token"].(string)
	return refresh, access
}

// Prune deletes the spaces created by requests, the recorded calls and secrets, and expired access tokens, so that a
// long load test does not slow down. Grants stay.
func (s *Server) Prune() {
	s.mu.Lock()
	defer s.mu.Unlock()
	created := map[string]bool{}
	for _, result := range s.requestResults {
		created[result.id] = true
	}
	s.spaces = slices.DeleteFunc(s.spaces, func(space *Space) bool { return created[space.ID] })
	s.calls, s.secrets = nil, nil
	clear(s.requestResults)
	for token, a := range s.access {
		if !s.Now().Before(a.expires) {
			delete(s.access, token)
		}
	}
}

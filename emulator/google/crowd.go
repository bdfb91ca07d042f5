package google

import (
	"crypto/rand"
	"slices"
)

// Connect is a consent of an account that was given before the server began:
// its refresh token, and an access token for these scopes.
func (s *Server) Connect(p Person, scopes ...string) (refresh, access string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	scopes = append([]string{"openid", emailScope}, scopes...)
	refresh = s.secret("1//0", rand.Text())
	s.refresh[refresh] = refreshToken{p, scopes}
	access, _ = s.give(p, scopes)["access_token"].(string)
	return refresh, access
}

// Tidy forgets the spaces that were made and the calls that were recorded, so
// that a run of millions costs the same at its end. What was consented stays.
func (s *Server) Tidy() {
	s.mu.Lock()
	defer s.mu.Unlock()
	made := map[string]bool{}
	for _, setup := range s.setups {
		made[setup.space] = true
	}
	s.spaces = slices.DeleteFunc(s.spaces, func(space *Space) bool { return made[space.ID] })
	s.calls, s.secrets = nil, nil
	clear(s.setups)
	for token, a := range s.access {
		if !s.Now().Before(a.expires) {
			delete(s.access, token)
		}
	}
}

package google

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// quotas are those of Chat (chat-protocol.md 7): for a method what it uses, how
// often that may be used, and in which time. {space} stands for the space of
// the call.
var quotas = map[string][]struct {
	of  string
	n   int
	per time.Duration
}{
	"chat.spaces.setup":           {{"space writes", 60, time.Minute}},
	"chat.spaces.patch":           {{"space writes", 60, time.Minute}, {"writes to {space}", 1, time.Second}},
	"chat.spaces.delete":          {{"space writes", 60, time.Minute}, {"writes to {space}", 1, time.Second}},
	"chat.spaces.messages.create": {{"message writes", 3000, time.Minute}, {"writes to {space}", 1, time.Second}},
	"chat.spaces.members.create":  {{"membership writes", 300, time.Minute}},
	"chat.spaces.members.delete":  {{"membership writes", 300, time.Minute}},
	"chat.spaces.members.list":    {{"reads of {space}", 15, time.Second}},
	"chat.spaces.members.get":     {{"reads of {space}", 15, time.Second}},
	"chat.spaces.get":             {{"reads of {space}", 15, time.Second}},
}

// Quotas makes the server count them, and refuse what is too much.
func (s *Server) Quotas() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quotas = true
}

// Drop is somebody who is added nowhere, without a word: they, or who adds
// them, have blocked the other (chat-protocol.md 6.3).
func (s *Server) Drop(people ...Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range people {
		s.dropped[p.Sub] = true
	}
}

// spend uses the quotas of a call, if there is some left.
func (s *Server) spend(m *method, path string) *apiError {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.quotas {
		return nil
	}
	now := s.Now()
	for _, q := range quotas[m.ID] {
		of := q.of
		if parts := strings.Split(path, "/"); len(parts) > 3 {
			of = strings.ReplaceAll(of, "{space}", parts[3])
		}
		spent := slices.DeleteFunc(s.spent[of], func(at time.Time) bool { return now.Sub(at) >= q.per })
		if len(spent) >= q.n {
			s.spent[of] = spent
			return &apiError{code: http.StatusTooManyRequests, status: "RESOURCE_EXHAUSTED", message: "Quota exceeded: " + of}
		}
		s.spent[of] = append(spent, now)
	}
	return nil
}

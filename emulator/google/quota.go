package google

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// quotas are the Chat API's quotas by method (workspace/chat/limits). {space} stands for the ID of the call's space.
var quotas = map[string][]struct {
	name   string
	limit  int
	window time.Duration
}{
	"chat.spaces.setup":           {{"space writes", 60, time.Minute}},
	"chat.spaces.patch":           {{"space writes", 60, time.Minute}, {"writes to {space}", 1, time.Second}},
	"chat.spaces.delete":          {{"space writes", 60, time.Minute}, {"writes to {space}", 1, time.Second}},
	"chat.spaces.messages.create": {{"message writes", 3000, time.Minute}, {"writes to {space}", 1, time.Second}},
	"chat.spaces.messages.patch":  {{"message writes", 3000, time.Minute}, {"writes to {space}", 1, time.Second}},
	"chat.spaces.messages.delete": {{"message writes", 3000, time.Minute}, {"writes to {space}", 1, time.Second}},
	"chat.spaces.members.create":  {{"membership writes", 300, time.Minute}},
	"chat.spaces.members.delete":  {{"membership writes", 300, time.Minute}},
	"chat.spaces.members.list":    {{"reads of {space}", 15, time.Second}},
	"chat.spaces.members.get":     {{"reads of {space}", 15, time.Second}},
	"chat.spaces.get":             {{"reads of {space}", 15, time.Second}},
}

// EnforceQuotas makes the server count the Chat API's quotas and refuse calls that exceed them.
func (s *Server) EnforceQuotas() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quotas = true
}

// BlockPeople makes adding these people have no effect and report no error, as after blocking
// (Chat API reference: spaces.members).
func (s *Server) BlockPeople(people ...Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range people {
		s.undeliverable[p.Sub] = true
	}
}

// spendQuota counts a call against its quotas, or fails if one is exhausted.
func (s *Server) spendQuota(m *method, path string) *apiError {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.quotas {
		return nil
	}
	now := s.Now()
	for _, q := range quotas[m.ID] {
		name := q.name
		if parts := strings.Split(path, "/"); len(parts) > 3 {
			name = strings.ReplaceAll(name, "{space}", parts[3])
		}
		used := slices.DeleteFunc(s.quotaUse[name], func(at time.Time) bool { return now.Sub(at) >= q.window })
		if len(used) >= q.limit {
			s.quotaUse[name] = used
			return newError(http.StatusTooManyRequests, "Quota exceeded: "+name)
		}
		s.quotaUse[name] = append(used, now)
	}
	return nil
}

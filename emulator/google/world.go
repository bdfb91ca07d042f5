package google

import (
	"fmt"
	"slices"
)

// SpacesOf are copies of the spaces a person is in, with what that person may
// read of them.
func (s *Server) SpacesOf(p Person) []Space {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Space
	for _, space := range s.spaces {
		if !space.has(p) {
			continue
		}
		seen := *space
		seen.Members = slices.Clone(space.Members)
		seen.Messages = nil
		for _, m := range space.Messages {
			if m.Private == "" || m.Private == p.User() {
				seen.Messages = append(seen.Messages, m)
			}
		}
		out = append(out, seen)
	}
	return out
}

// Gather makes a group conversation of these people, with the app in it.
func (s *Server) Gather(people ...Person) Space {
	s.mu.Lock()
	defer s.mu.Unlock()
	space := &Space{ID: fmt.Sprintf("AAAAgroup%d", len(s.spaces)), Group: true, App: true}
	for _, p := range people {
		space.Members = append(space.Members, Member{Person: p, State: "JOINED"})
	}
	s.spaces = append(s.spaces, space)
	s.touch()
	return *space
}

// Found makes a named space of the first of these people, with the others.
func (s *Server) Found(name string, people ...Person) Space {
	s.mu.Lock()
	defer s.mu.Unlock()
	space := &Space{ID: fmt.Sprintf("AAAAfound%d", len(s.spaces)), Made: s.Now(), DisplayName: name, History: "HISTORY_ON"}
	for _, p := range people {
		space.Members = append(space.Members, Member{Person: p, State: "JOINED"})
	}
	s.spaces = append(s.spaces, space)
	s.touch()
	return *space
}

// Join takes the app into a space, or out of it.
func (s *Server) Join(id string, in bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if space := s.space(id); space != nil {
		space.App = in
	}
	s.touch()
}

// SpaceNamed is a copy of the space with this display name.
func (s *Server) SpaceNamed(name string) (Space, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, space := range s.spaces {
		if space.DisplayName == name {
			out := *space
			out.Members, out.Messages = slices.Clone(space.Members), slices.Clone(space.Messages)
			return out, true
		}
	}
	return Space{}, false
}

// Rename gives a space another name, as somebody of it would.
func (s *Server) Rename(id, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.space(id).DisplayName = name
	s.touch()
}

// Post puts a message into a space and gives its resource name; empty when the
// space is gone.
func (s *Server) Post(space string, m Message) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.space(space)
	if in == nil {
		return ""
	}
	return s.post(in, m)
}

// Touch tells the pages that there is something new to show.
func (s *Server) Touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touch()
}

// post is Post with the lock held.
func (s *Server) post(space *Space, m Message) string {
	s.messages++
	m.ID = fmt.Sprintf("%s/messages/m%d.m%d", space.Name(), s.messages, s.messages)
	m.At = s.Now()
	space.Messages = append(space.Messages, m)
	s.touch()
	return m.ID
}

// Change alters a message; one that change empties of everything is gone.
func (s *Server) Change(space, id string, change func(*Message) (keep bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.space(space)
	for i := 0; in != nil && i < len(in.Messages); i++ {
		if in.Messages[i].ID == id {
			if !change(&in.Messages[i]) {
				in.Messages = slices.Delete(in.Messages, i, i+1)
			}
			break
		}
	}
	s.touch()
}

package google

import (
	"fmt"
	"slices"
)

// SpacesOf returns copies of the spaces a person is in, with the messages that this person may read.
func (s *Server) SpacesOf(p Person) []Space {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Space
	for _, space := range s.spaces {
		if !space.has(p) {
			continue
		}
		visible := *space
		visible.Members = slices.Clone(space.Members)
		visible.Messages = nil
		for _, m := range space.Messages {
			if m.Private == "" || m.Private == p.User() {
				visible.Messages = append(visible.Messages, m)
			}
		}
		out = append(out, visible)
	}
	return out
}

// CreateGroupChat creates a group chat of these people and the app.
func (s *Server) CreateGroupChat(people ...Person) Space {
	s.mu.Lock()
	defer s.mu.Unlock()
	space := &Space{ID: fmt.Sprintf("AAAAgroup%d", len(s.spaces)), Group: true, App: true}
	for _, p := range people {
		space.Members = append(space.Members, Member{Person: p, State: "JOINED"})
	}
	s.spaces = append(s.spaces, space)
	s.notify()
	return *space
}

// CreateSpace creates a named space owned by the first of these people, with the others as members.
func (s *Server) CreateSpace(name string, people ...Person) Space {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := fmt.Sprintf("AAAAfound%d", len(s.spaces))
	space := &Space{ID: id, Created: s.Now(), DisplayName: name, History: "HISTORY_ON"}
	for _, p := range people {
		space.Members = append(space.Members, Member{Person: p, State: "JOINED"})
	}
	s.spaces = append(s.spaces, space)
	s.notify()
	return *space
}

// SetAppMember adds the app to a space, or removes it.
func (s *Server) SetAppMember(id string, member bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if space := s.space(id); space != nil {
		space.App = member
	}
	s.notify()
}

// SpaceByName returns a copy of the first space with this display name.
func (s *Server) SpaceByName(name string) (Space, bool) {
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

// RenameSpace changes the display name of a space, which must exist.
func (s *Server) RenameSpace(id, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.space(id).DisplayName = name
	s.notify()
}

// Post adds a message to a space and returns its resource name, or "" if the space does not exist.
func (s *Server) Post(id string, m Message) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(id)
	if space == nil {
		return ""
	}
	return s.post(space, m)
}

// Notify reports a change that pages should show.
func (s *Server) Notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notify()
}

// post is Post for a caller that holds the lock.
func (s *Server) post(space *Space, m Message) string {
	s.messages++
	m.ID = fmt.Sprintf("%s/messages/m%d.m%d", space.Name(), s.messages, s.messages)
	m.At = s.Now()
	space.Messages = append(space.Messages, m)
	s.notify()
	return m.ID
}

// EditMessage calls change with a message of a space, and deletes the message unless change returns true.
func (s *Server) EditMessage(spaceID, messageID string, change func(*Message) (keep bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(spaceID)
	for i := 0; space != nil && i < len(space.Messages); i++ {
		if space.Messages[i].ID == messageID {
			if !change(&space.Messages[i]) {
				space.Messages = slices.Delete(space.Messages, i, i+1)
			}
			break
		}
	}
	s.notify()
}

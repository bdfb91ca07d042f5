package google

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"time"
)

// TimeZone is the time zone of every calendar.
const TimeZone = "Europe/Berlin"

// Event is an event in a person's own calendar.
type Event struct {
	Owner  Person
	ID     string
	Title  string
	Start  time.Time
	End    time.Time
	Guests []string
	Room   bool // it has a Meet conference

	Canceled bool
}

// Events returns all events in a person's own calendar.
func (s *Server) Events(p Person) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Event
	for _, e := range s.events {
		if e.Owner == p {
			out = append(out, e)
		}
	}
	return out
}

var eventID = regexp.MustCompile("^[a-v0-9]{5,1000}$")

// insertEvent is calendar.events.insert with a Meet conference. eventID follows the discovery document.
func (s *Server) insertEvent(p Person, q url.Values, body []byte) (any, *apiError) {
	var r struct {
		ID         string `json:"id"`
		Summary    string `json:"summary"`
		Start, End struct {
			DateTime time.Time `json:"dateTime"`
			TimeZone string    `json:"timeZone"`
		}
		Attendees []struct {
			Email string `json:"email"`
		} `json:"attendees"`
		Conference struct {
			Create struct {
				RequestID string `json:"requestId"`
				Key       struct {
					Type string `json:"type"`
				} `json:"conferenceSolutionKey"`
			} `json:"createRequest"`
		} `json:"conferenceData"`
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, invalid(err.Error())
	}
	create := r.Conference.Create
	meet := q.Get("conferenceDataVersion") == "1" && create.RequestID != "" && create.Key.Type == "hangoutsMeet"
	switch {
	case r.ID != "" && !eventID.MatchString(r.ID):
		return nil, invalid("Invalid resource id value.")
	case !r.End.DateTime.After(r.Start.DateTime):
		return nil, invalid("The specified time range is empty.")
	case create.RequestID != "" && !meet:
		return nil, invalid("The emulator creates Meet conferences only.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Owner == p && e.ID == r.ID {
			return nil, newError(http.StatusConflict, "The requested identifier already exists.")
		}
	}
	e := Event{Owner: p, ID: r.ID, Title: r.Summary, Room: meet, Start: r.Start.DateTime, End: r.End.DateTime}
	for _, a := range r.Attendees {
		e.Guests = append(e.Guests, a.Email)
	}
	s.events = append(s.events, e)
	return s.eventResource(e, s.Pick(2, "pending conference") > 0), nil
}

func (s *Server) getEvent(p Person, id string) (any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Owner == p && e.ID == id {
			return s.eventResource(e, false), nil
		}
	}
	return nil, notFound
}

// eventResource returns an event. Google creates the conference of a new one asynchronously: pending means not yet.
func (s *Server) eventResource(e Event, pending bool) map[string]any {
	out := map[string]any{
		"kind": "calendar#event", "id": e.ID, "status": "confirmed", "summary": e.Title,
		"start":    map[string]any{"dateTime": e.Start.Format(time.RFC3339)},
		"htmlLink": "https://www.google.com/calendar/event?eid=" + e.ID,
	}
	if e.Canceled {
		out["status"] = "cancelled"
	}
	if e.Room {
		status := "success"
		if pending {
			status = "pending"
		} else {
			out["hangoutLink"] = "https://meet.google.com/event-" + e.ID[:8]
		}
		out["conferenceData"] = map[string]any{"createRequest": map[string]any{
			"requestId": e.ID, "status": map[string]any{"statusCode": status},
		}}
	}
	return out
}

// CancelEvents deletes all events of a person's own calendar, as the person does in Calendar.
func (s *Server) CancelEvents(p Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.events {
		if s.events[i].Owner == p {
			s.events[i].Canceled = true
		}
	}
}

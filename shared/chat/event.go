// Package chat speaks Google Chat's side of the conversation: it checks that a
// request comes from Chat, decodes the event, and encodes the reply and its
// cards. No Google JSON passes beyond it.
//
// It knows no command and no Chat API call: functions/chatevent and
// shared/spaces do. classic.go and addon.go are the two forms of events and
// replies that Google has.
package chat

import (
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/resource"
)

// Format is a form of Chat's events. The reply must have the same.
type Format int

// The formats (chat-protocol.md sections 1 and 2).
const (
	Classic Format = iota // "Chat API interaction events"
	AddOn                 // a Google Workspace add-on that extends Chat
)

// Kind is what happened in Chat.
type Kind string

// The kinds; whatever Chat invents later is Unknown.
const (
	Unknown Kind = "unknown"
	Message Kind = "message" // words for the app that are no command
	Command Kind = "command" // a slash or quick command
	Click   Kind = "click"   // a button of one of our cards
	Home    Kind = "home"    // the app's Home tab is opened
	Added   Kind = "added"   // to a space or a direct message
	Removed Kind = "removed" // no reply is possible any more
)

// Event is one thing that happened, in either format.
type Event struct {
	Kind     Kind
	Time     time.Time
	Person   Person // who did it
	Space    Space
	Message  string        // resource name of the message; for clicks, the card's
	Thread   string        // resource name of the thread that the command was typed in as a reply; empty in any other case
	Own      bool          // the clicked message is the app's, and can be replaced
	Command  int           // id of the command, as in the console
	Args     string        // the words behind the command, without mentions
	Text     string        // all that stands behind the command, as it was typed; mentions in the markup of a message
	Mentions []Person      // people mentioned behind the command
	Value    config.Secret // what the clicked button carries, sealed by us
	Inputs   Inputs        // of the form in which a button was clicked
	Dialog   Dialog        // what it has to do with a dialog
	Home     bool          // it happened on the Home tab, or in a dialog opened from there
	// Complete is where the browser makes Chat repeat this event. Whoever
	// opens it acts as the person. Empty for clicks.
	Complete config.Secret
	Locale   string // of the person, such as "en" or "zh-CN"; may be empty
}

// Person is a user of Chat.
type Person struct {
	Name        resource.Person // users/{id}, where {id} is the account's sub
	DisplayName string
}

// Space is where it happened.
type Space struct {
	Name        resource.SpaceName // spaces/{id}
	DisplayName string             // empty for what has no name
	Direct      bool               // the direct message of one person with the app
	Named       bool               // a space with a name: only there are threads
}

// Dialog is what an event has to do with a dialog, and so what may be answered
// (chat-protocol.md 4.2).
type Dialog int

// What there is; most events have to do with none.
const (
	NoDialog  Dialog = iota
	Opens            // the answer has to be a dialog
	Sent             // a button in a dialog was pressed
	Cancelled        // it was closed; nothing is shown
)

// Inputs are what the fields of a form hold, by name; a field that is not set
// may be absent.
type Inputs map[string][]string

// First is the only value of a field, or the first, or empty.
func (i Inputs) First(name string) string {
	if len(i[name]) == 0 {
		return ""
	}
	return i[name][0]
}

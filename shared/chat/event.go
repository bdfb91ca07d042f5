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
	Thread   string        // resource name of the thread it happened in; may be empty
	Command  int           // id of the command, as in the console
	Args     string        // the words behind the command, without mentions
	Text     string        // all that stands behind the command, as it was typed; mentions in the markup of a message
	Mentions []Person      // people mentioned behind the command
	Value    config.Secret // what the clicked button carries, sealed by us
	// Complete is where the browser makes Chat repeat this event. Whoever
	// opens it acts as the person. Empty for clicks.
	Complete config.Secret
	Locale   string // of the person, such as "en" or "zh-CN"; may be empty
}

// Person is a user of Chat.
type Person struct {
	Name        string // users/{id}, where {id} is the account's sub
	DisplayName string
}

// Space is where it happened.
type Space struct {
	Name   string // spaces/{id}
	Direct bool   // the direct message of one person with the app
}

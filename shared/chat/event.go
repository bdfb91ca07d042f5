// Package chat handles the requests and replies of a Google Chat app. It verifies that a request comes from Chat,
// decodes the event, and encodes the reply and its cards. No other package handles Google's JSON for them.
//
// It doesn't handle commands or call the Chat API: functions/chatevent and shared/spaces do. Google has two formats of
// events and replies, implemented in classic.go and addon.go. Comments name pages of developers.google.com, such as
// workspace/chat/dialogs.
package chat

import (
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/resource"
)

// Format is one of Chat's two event formats. A reply must have the format of its event.
type Format int

// The formats (workspace/chat/receive-respond-interactions, workspace/add-ons/concepts/event-objects).
const (
	Classic Format = iota // "Chat API interaction events"
	AddOn                 // a Google Workspace add-on that extends Chat
)

// Kind is what happened in Chat.
type Kind string

// The kinds of events. An event that Deputy doesn't know is Unknown.
const (
	Unknown Kind = "unknown"
	Message Kind = "message" // a message to the app that is not a command
	Command Kind = "command" // a slash command or quick command
	Click   Kind = "click"   // a button on one of the app's cards
	Home    Kind = "home"    // the app's Home tab was opened
	Added   Kind = "added"   // the app was added to a space or direct message
	Adding  Kind = "adding"  // the app is added by a mention; the message follows in an event of its own
	Removed Kind = "removed" // the app was removed; it can't reply
)

// Event is one interaction event, in either format.
type Event struct {
	Kind       Kind
	Time       time.Time
	Person     Person // who caused the event
	Space      Space
	Message    string        // resource name of the message; for a click, of the card's message
	Thread     string        // resource name of the thread that the command replied in; empty otherwise
	OwnMessage bool          // the clicked message is the app's, and can be replaced
	Command    int           // command ID, as in Chat's console
	Args       string        // text after the command, without mentions
	Text       string        // text after the command as typed, with mentions as <users/{id}>
	Markup     string        // markupSyntax of the message, such as MARKUP_SYNTAX_CHAT; may be empty
	Mentions   []Person      // people mentioned after the command
	Value      config.Secret // sealed value of the clicked button
	Inputs     Inputs        // of the form that contains the clicked button
	Dialog     Dialog        // how the event relates to a dialog
	OnHomeTab  bool          // the event comes from the Home tab, or from a dialog opened there
	// CompletionURL is the URL that makes Chat repeat this event when a browser opens it. It is secret, because opening
	// it acts as the person. Empty for clicks.
	CompletionURL config.Secret
	Locale        string // of the person, such as "en" or "zh-CN"; may be empty
	// Keys are the names of the fields of an Unknown event, sorted and without their values, for the log.
	Keys []string
}

// Person is a user of Chat.
type Person struct {
	Name        resource.Person // users/{id}, where {id} is the account's sub
	DisplayName string
	Email       string `json:",omitempty"` // in ASCII lower case; empty if Google omits it
}

// Space is the space or conversation of an event.
type Space struct {
	Name        resource.SpaceName // spaces/{id}
	DisplayName string             // empty for conversations without a name
	Direct      bool               // the direct message between one person and the app
	Named       bool               // a named space; only these have threads
}

// Dialog says how an event relates to a dialog. It limits the possible replies (workspace/chat/dialogs).
type Dialog int

// The relations of an event to a dialog.
const (
	NoDialog        Dialog = iota
	DialogRequested        // the reply must be a dialog
	DialogSubmitted        // a button in the dialog was clicked
	DialogCancelled        // the dialog was closed; Chat shows no reply
)

// Inputs are a form's values by field name. An empty field may be absent.
type Inputs map[string][]string

// First returns the first value of a field, or "" when it has none.
func (i Inputs) First(name string) string {
	if len(i[name]) == 0 {
		return ""
	}
	return i[name][0]
}

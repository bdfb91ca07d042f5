package chat

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/strictjson"
	"example.com/deputy/shared/text"
)

// valueKey is the name of the one parameter that the app's buttons carry.
const valueKey = "value"

// Decode decodes the body of a request whose sender must use the given format. It fails with Unauthenticated for a
// body in the other format, and with Invalid for one that is not a JSON object.
func Decode(format Format, body []byte) (Event, error) {
	out, err := decode(format, body)
	switch out.Kind {
	case Message, Command, Added:
	default:
		out.CompletionURL = config.Secret{} // Chat repeats only these
	}
	if out.Kind == Unknown {
		out.Keys = fieldNames(body)
	}
	return out, err
}

// fieldNames returns the names of a body's fields and, below chat, of its fields. It returns at most 20.
func fieldNames(body []byte) []string {
	var fields, chat map[string]json.RawMessage
	_ = strictjson.Decode(body, &fields) // not an object: none
	_ = strictjson.Decode(fields["chat"], &chat)
	out := slices.Collect(maps.Keys(fields))
	for name := range chat {
		out = append(out, "chat."+name)
	}
	slices.Sort(out)
	return out[:min(len(out), 20)]
}

func decode(format Format, body []byte) (Event, error) {
	if format == AddOn {
		e, err := unmarshal[addOnEvent](body)
		if err == nil && e.Type != "" {
			err = errWrongFormat
		}
		return e.event(), err
	}
	e, err := unmarshal[classicEvent](body)
	if err != nil {
		return Event{}, err
	}
	for key := range e.Chat {
		if strings.HasSuffix(key, "Payload") { // classic Home tab events have "chat" too, but no payload in it
			return Event{}, errWrongFormat
		}
	}
	if e.Type == "" && e.Chat != nil { // the Home tab (workspace/chat/send-app-home-card-message)
		home, err := unmarshal[addOnEvent](body)
		return home.event(), err
	}
	return e.event(), nil
}

var errWrongFormat = unauthenticated("event format does not match its sender")

// unmarshal decodes a JSON object and skips fields of an unexpected type, so that one bad field doesn't lose the event.
func unmarshal[T any](body []byte) (out T, err error) {
	err = strictjson.Decode(body, &out)
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); err == nil || ok && mismatch.Field != "" {
		return out, nil
	}
	public := i18n.English("The event is not a JSON object.")
	return out, &fault.Error{Op: "chat.Decode", Kind: fault.Invalid, Public: public, Err: err}
}

// The types below are the fields that Deputy reads in both formats (workspace/chat/receive-respond-interactions,
// workspace/add-ons/concepts/event-objects). Google's own Go types fail on the whole event when a number is written as
// a string.

type user struct {
	Name        looseText `json:"name"`
	DisplayName looseText `json:"displayName"`
	Email       looseText `json:"email"`
	Type        looseText `json:"type"`
}

func (u user) person() Person {
	return Person{
		Name: resource.Person(string(u.Name)), DisplayName: text.Line(string(u.DisplayName)),
		Email: address.Lower(string(u.Email)),
	}
}

type space struct {
	Name        looseText `json:"name"`
	DisplayName looseText `json:"displayName"`
	Type        looseText `json:"type"`
	SpaceType   looseText `json:"spaceType"`
	SingleBot   looseBool `json:"singleUserBotDm"`
}

func (s space) toSpace() Space {
	return Space{
		Name: resource.SpaceName(string(s.Name)), DisplayName: string(s.DisplayName),
		// spaceType DIRECT_MESSAGE doesn't suffice: it includes two people with the app (chat/v1, Space.spaceType).
		Direct: bool(s.SingleBot) || s.Type == "DM",
		Named:  s.SpaceType == "SPACE" || s.SpaceType == "" && s.Type == "ROOM" && s.DisplayName != "",
	}
}

type common struct {
	Locale     looseText            `json:"userLocale"`
	Parameters map[string]looseText `json:"parameters"`
	Inputs     formInputs           `json:"formInputs"`
}

type metadata struct {
	ID looseInt `json:"appCommandId"`
}

// formInputs are a form's values (workspace/chat/read-form-data). Deputy's forms have string fields only.
type formInputs map[string]struct {
	Strings struct {
		Value []looseText `json:"value"`
	} `json:"stringInputs"`
}

func (f formInputs) inputs() Inputs {
	var out Inputs
	for name, field := range f {
		for _, v := range field.Strings.Value {
			if out == nil {
				out = Inputs{}
			}
			out[name] = append(out[name], string(v))
		}
	}
	return out
}

// dialogEvent holds the dialog fields, which are the same in both formats.
type dialogEvent struct {
	IsDialogEvent looseBool `json:"isDialogEvent"`
	Type          looseText `json:"dialogEventType"`
}

func (d dialogEvent) dialog(kind Kind) Dialog {
	switch {
	case d.Type == "REQUEST_DIALOG":
		return DialogRequested
	case d.Type == "SUBMIT_DIALOG":
		return DialogSubmitted
	case d.Type == "CANCEL_DIALOG":
		return DialogCancelled
	case bool(d.IsDialogEvent) && kind == Command:
		return DialogRequested
	default:
		return NoDialog
	}
}

type thread struct {
	Name looseText `json:"name"`
}

type message struct {
	Name         looseText `json:"name"`
	Sender       user      `json:"sender"`
	ThreadReply  looseBool `json:"threadReply"`
	Thread       thread    `json:"thread"`
	Text         looseText `json:"text"`
	ArgumentText looseText `json:"argumentText"`
	Markup       looseText `json:"markupSyntax"`
	SlashCommand struct {
		ID looseInt `json:"commandId"`
	} `json:"slashCommand"`
	Annotations []struct {
		Type        looseText `json:"type"`
		Start       looseInt  `json:"startIndex"`
		Length      looseInt  `json:"length"`
		UserMention struct {
			User user `json:"user"`
		} `json:"userMention"`
		SlashCommand struct {
			ID looseInt `json:"commandId"`
		} `json:"slashCommand"`
	} `json:"annotations"`
}

// replyThread returns the thread that a command was typed in as a reply, or "". A slash command's message is private;
// when it is not a reply, it starts a thread that only its sender sees. The name of such a message has the thread's ID
// twice.
func (m message) replyThread(t thread) string {
	name := string(cmp.Or(t.Name, m.Thread.Name))
	_, id, _ := strings.Cut(string(m.Name), "/messages/")
	_, threadID, _ := strings.Cut(name, "/threads/")
	if id == threadID+"."+threadID && !bool(m.ThreadReply) {
		return ""
	}
	return name
}

// add sets what a message says about an event: the command in it, and for a message that no payload says who sent, the
// sender.
func (m message) add(out *Event, known metadata, t thread) {
	out.Message, out.Command, out.Markup = string(m.Name), m.commandID(known), string(m.Markup)
	out.Thread, out.OwnMessage = m.replyThread(t), m.Sender.Type == "BOT"
	out.Args, out.Mentions = m.arguments()
	out.Text = m.textWithMentions()
	if out.Person.Name == "" && out.Kind == Message && m.Sender.Type == "HUMAN" {
		out.Person = m.Sender.person()
	}
	// Adding the app with a command is a single event that contains the command.
	if out.Command != 0 && (out.Kind == Message || out.Kind == Added) {
		out.Kind = Command
	}
}

// commandID returns the command's ID. It checks the fields in the order of Google's samples.
func (m message) commandID(known metadata) int {
	id := cmp.Or(known.ID, m.SlashCommand.ID)
	for _, a := range m.Annotations {
		id = cmp.Or(id, a.SlashCommand.ID)
	}
	return int(id)
}

// parseTime parses a time in RFC 3339; it returns the zero time for an absent or invalid one.
func parseTime(s looseText) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, string(s))
	return t
}

package chat

import (
	"cmp"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
)

// valueKey names the one parameter that our buttons carry.
const valueKey = "value"

// Decode reads the body of a request whose sender may use this format. A body
// in the other format is Unauthenticated, one that is not a JSON object
// Invalid; an event we do not know is Unknown.
func Decode(format Format, body []byte) (Event, error) {
	if format == AddOn {
		e, err := read[addOnEvent](body)
		if err == nil && e.Type != "" {
			err = errOther
		}
		return e.event(), err
	}
	e, err := read[classicEvent](body)
	if err != nil {
		return Event{}, err
	}
	for key := range e.Chat {
		if strings.HasSuffix(key, "Payload") { // classic apps get "chat" too, for the Home tab, but without one
			return Event{}, errOther
		}
	}
	if e.Type == "" && e.Chat != nil { // the Home tab (chat-protocol.md 1.5)
		home, err := read[addOnEvent](body)
		return home.event(), err
	}
	return e.event(), nil
}

var errOther = unauthenticated("the event's format is not its sender's")

// read reads of a JSON object what it can: what is of another type than
// expected is passed over, as encoding/json does, so that one odd field does
// not lose the whole event.
func read[T any](body []byte) (out T, err error) {
	err = json.Unmarshal(body, &out)
	if odd, ok := errors.AsType[*json.UnmarshalTypeError](err); err == nil || ok && odd.Field != "" {
		return out, nil
	}
	return out, &fault.Error{Op: "chat.Decode", Kind: fault.Invalid, Public: i18n.English("The event is not a JSON object."), Err: err}
}

// The types below are the fields Deputy reads that both formats have
// (chat-protocol.md 1.2, 2.1). Google's own Go type loses the whole event over
// a number written as a string.

type user struct {
	Name        looseText `json:"name"`
	DisplayName looseText `json:"displayName"`
	Type        looseText `json:"type"`
}

func (u user) person() Person {
	return Person{Name: resource.Person(string(u.Name)), DisplayName: string(u.DisplayName)}
}

type space struct {
	Name        looseText `json:"name"`
	DisplayName looseText `json:"displayName"`
	Type        looseText `json:"type"`
	SpaceType   looseText `json:"spaceType"`
	SingleBot   looseBool `json:"singleUserBotDm"`
}

func (s space) place() Space {
	return Space{
		Name: resource.SpaceName(string(s.Name)), DisplayName: string(s.DisplayName),
		// Not by the spaceType DIRECT_MESSAGE: that is also two people, with the
		// app among them (chat/v1, Space.spaceType).
		Direct: bool(s.SingleBot) || s.Type == "DM",
		Named:  s.SpaceType == "SPACE" || s.SpaceType == "" && s.Type == "ROOM" && s.DisplayName != "",
	}
}

type metadata struct {
	ID looseInt `json:"appCommandId"`
}

// formInputs are what a form's fields hold (chat-protocol.md 4.3); Deputy has
// only fields of strings.
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

// dialogEvent is how both formats say what a dialog has to do with it.
type dialogEvent struct {
	Is   looseBool `json:"isDialogEvent"`
	Type looseText `json:"dialogEventType"`
}

func (d dialogEvent) dialog(kind Kind) Dialog {
	switch {
	case d.Type == "REQUEST_DIALOG":
		return Opens
	case d.Type == "SUBMIT_DIALOG":
		return Sent
	case d.Type == "CANCEL_DIALOG":
		return Cancelled
	case bool(d.Is) && kind == Command:
		return Opens
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
	ArgumentText looseText `json:"argumentText"`
	SlashCommand struct {
		ID looseInt `json:"commandId"`
	} `json:"slashCommand"`
	Annotations []struct {
		Type        looseText `json:"type"`
		UserMention struct {
			User user `json:"user"`
		} `json:"userMention"`
		SlashCommand struct {
			ID looseInt `json:"commandId"`
		} `json:"slashCommand"`
	} `json:"annotations"`
}

// replyThread is the thread that a command was typed in as a reply to others. The
// message of a slash command is private, and begins a thread of its own when it
// is no reply: nobody else would see an answer there. Such a message has the
// thread's id twice in its name.
func (m message) replyThread(of thread) string {
	name := string(cmp.Or(of.Name, m.Thread.Name))
	_, id, _ := strings.Cut(string(m.Name), "/messages/")
	_, own, _ := strings.Cut(name, "/threads/")
	if id == own+"."+own && !bool(m.ThreadReply) {
		return ""
	}
	return name
}

// own reports whether the message is the app's.
func (m message) own() bool { return m.Sender.Type == "BOT" }

// command is the command's id, in the order Google's samples read it.
func (m message) command(known metadata) int {
	id := cmp.Or(known.ID, m.SlashCommand.ID)
	for _, a := range m.Annotations {
		id = cmp.Or(id, a.SlashCommand.ID)
	}
	return int(id)
}

// arguments are the words behind the command and the people mentioned there. A
// mention is taken out by its name: Google does not say in which units it
// counts the places of annotations.
func (m message) arguments() (string, []Person) {
	words := string(m.ArgumentText)
	var people []Person
	for _, a := range m.Annotations {
		mentioned := a.UserMention.User
		if a.Type != "USER_MENTION" || mentioned.Type == "BOT" || mentioned.Name == "" {
			continue
		}
		people = append(people, mentioned.person())
		if mentioned.DisplayName != "" {
			words = strings.Replace(words, "@"+string(mentioned.DisplayName), " ", 1)
		}
	}
	return strings.Join(strings.Fields(words), " "), people
}

// verbatim is what stands behind the command, line by line, each mention as a
// message of the API has it.
func (m message) verbatim() string {
	text := strings.TrimSpace(string(m.ArgumentText))
	for _, a := range m.Annotations {
		mentioned := a.UserMention.User
		if a.Type == "USER_MENTION" && mentioned.Type != "BOT" && mentioned.Name != "" && mentioned.DisplayName != "" {
			text = strings.Replace(text, "@"+string(mentioned.DisplayName), "<"+string(mentioned.Name)+">", 1)
		}
	}
	return text
}

// moment reads a time; an absent or odd one is zero.
func moment(text looseText) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, string(text))
	return t
}

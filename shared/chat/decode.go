package chat

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
)

// valueKey names the one parameter that our buttons carry.
const valueKey = "value"

// Decode reads the body of a request that Verify let in as this format. A body
// that is not a JSON object is Invalid; an event we do not know is Unknown.
func Decode(_ Format, body []byte) (Event, error) {
	var e classicEvent
	if err := json.Unmarshal(body, &e); err != nil {
		return Event{}, &fault.Error{Op: "chat.Decode", Kind: fault.Invalid, Public: "The event is not a JSON object.", Err: err}
	}
	return e.event(), nil
}

// classicEvent are the fields Deputy reads of chat-protocol.md 1.2. Google's
// own Go type loses the whole event over a number written as a string.
type classicEvent struct {
	Type      looseText      `json:"type"`
	EventTime looseText      `json:"eventTime"`
	User      classicUser    `json:"user"`
	Space     classicSpace   `json:"space"`
	Message   classicMessage `json:"message"`
	Complete  looseText      `json:"configCompleteRedirectUrl"`
	Metadata  struct {
		ID looseInt `json:"appCommandId"`
	} `json:"appCommandMetadata"`
	Common struct {
		Parameters map[string]looseText `json:"parameters"`
	} `json:"common"`
	Action struct {
		Parameters []struct {
			Key   looseText `json:"key"`
			Value looseText `json:"value"`
		} `json:"parameters"`
	} `json:"action"`
}

type classicUser struct {
	Name        looseText `json:"name"`
	DisplayName looseText `json:"displayName"`
	Type        looseText `json:"type"`
}

type classicSpace struct {
	Name      looseText `json:"name"`
	Type      looseText `json:"type"`
	SpaceType looseText `json:"spaceType"`
	SingleBot looseBool `json:"singleUserBotDm"`
}

type classicMessage struct {
	Name         looseText `json:"name"`
	ArgumentText looseText `json:"argumentText"`
	SlashCommand struct {
		ID looseInt `json:"commandId"`
	} `json:"slashCommand"`
	Annotations []struct {
		Type        looseText `json:"type"`
		UserMention struct {
			User classicUser `json:"user"`
		} `json:"userMention"`
		SlashCommand struct {
			ID looseInt `json:"commandId"`
		} `json:"slashCommand"`
	} `json:"annotations"`
}

func (e *classicEvent) event() Event {
	at, _ := time.Parse(time.RFC3339Nano, string(e.EventTime)) // absent: zero
	out := Event{
		Kind: Unknown, Time: at, Person: e.User.person(), Message: string(e.Message.Name),
		Space: Space{
			Name:   string(e.Space.Name),
			Direct: bool(e.Space.SingleBot) || e.Space.SpaceType == "DIRECT_MESSAGE" || e.Space.Type == "DM",
		},
		Command: e.command(), Complete: config.Secret(e.Complete),
	}
	out.Args, out.Mentions = e.Message.arguments()
	switch e.Type {
	case "MESSAGE":
		out.Kind = Message
	case "APP_COMMAND":
		out.Kind = Command
	case "ADDED_TO_SPACE":
		out.Kind = Added
	case "REMOVED_FROM_SPACE":
		out.Kind = Removed
	case "CARD_CLICKED":
		out.Kind = Click
		out.Value = e.value()
	}
	// Adding the app by a command is one event with the command in it.
	if out.Command != 0 && (out.Kind == Message || out.Kind == Added) {
		out.Kind = Command
	}
	return out
}

// command is the command's id, in the order Google's samples read it.
func (e *classicEvent) command() int {
	id := cmp.Or(e.Metadata.ID, e.Message.SlashCommand.ID)
	for _, a := range e.Message.Annotations {
		id = cmp.Or(id, a.SlashCommand.ID)
	}
	return int(id)
}

func (e *classicEvent) value() config.Secret {
	if v := e.Common.Parameters[valueKey]; v != "" {
		return config.Secret(v)
	}
	for _, p := range e.Action.Parameters {
		if p.Key == valueKey {
			return config.Secret(p.Value)
		}
	}
	return ""
}

// arguments are the words behind the command and the people mentioned there. A
// mention is taken out by its name: Google does not say in which units it
// counts the places of annotations.
func (m *classicMessage) arguments() (string, []Person) {
	words := string(m.ArgumentText)
	var people []Person
	for _, a := range m.Annotations {
		user := a.UserMention.User
		if a.Type != "USER_MENTION" || user.Type == "BOT" || user.Name == "" {
			continue
		}
		people = append(people, user.person())
		words = strings.Replace(words, "@"+string(user.DisplayName), " ", 1)
	}
	return strings.Join(strings.Fields(words), " "), people
}

func (u classicUser) person() Person {
	return Person{Name: string(u.Name), DisplayName: string(u.DisplayName)}
}

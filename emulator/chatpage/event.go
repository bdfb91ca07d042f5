package chatpage

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"example.com/deputy/emulator/google"
)

type kind int

const (
	messageSent kind = iota
	commandSent
	quickCommandUsed
	appAdded
	appMentioned // the app is added by a mention; an add-on gets the message in an event of its own
	appRemoved
	cardClicked
	homeOpened
)

// event is an event before it is encoded in the app's format.
type event struct {
	kind    kind
	at      time.Time
	person  google.Person
	space   google.Space
	message string // resource name; for clicks, of the card's message
	text    string
	args    string   // the text after the command
	command *Command // for commandSent and quickCommandUsed
	button  button   // for cardClicked
	inputs  map[string][]string
	dialog  string // dialogEventType; empty for none
	addsApp bool   // the message adds the app; an add-on then gets no locale
	home    bool   // on the Home tab, or in a dialog opened there

	complete string // completion address; clicks have none
}

// button is the action of a card's button.
type button struct {
	function   string
	parameters map[string]string
	opens      bool // opens a dialog
}

// add adds the app to a space, or to the direct message with it.
func (p *Page) add(ctx context.Context, person google.Person, space google.Space) *exchange {
	space.App = true
	p.Google.SetAppMember(space.ID, true)
	return p.deliver(ctx, event{kind: appAdded, person: person, space: space})
}

func (p *Page) remove(ctx context.Context, person google.Person, space google.Space) *exchange {
	p.Google.SetAppMember(space.ID, false)
	return p.deliver(ctx, event{kind: appRemoved, person: person, space: space})
}

// send posts a message of a person. The app receives commands, mentions, and messages in the direct message with it.
func (p *Page) send(ctx context.Context, person google.Person, space google.Space, text string) *exchange {
	if text == "" {
		return nil
	}
	command, args := p.command(text)
	private := ""
	if command != nil && space.App {
		private = person.User() // Chat shows a command only to the person and the app
	}
	id := p.Google.Post(space.ID, google.Message{Sender: person, Text: text, Private: private})
	mentioned := strings.HasPrefix(text, "@"+p.App)
	if !mentioned && (!space.App || command == nil && !space.Direct) {
		return nil
	}
	e := event{kind: messageSent, person: person, space: space, message: id, text: text}
	e.args = strings.TrimPrefix(text, "@"+p.App)
	if !space.App {
		return p.addByMention(ctx, e)
	}
	if command != nil {
		e.kind, e.command, e.args = commandSent, command, args
		if command.Dialog {
			e.dialog = "REQUEST_DIALOG"
		}
	}
	return p.deliver(ctx, e)
}

// addByMention adds the app to a space with the message that mentions it. A classic app gets one event with both.
func (p *Page) addByMention(ctx context.Context, e event) *exchange {
	e.space.App, e.addsApp = true, true
	p.Google.SetAppMember(e.space.ID, true)
	added := e
	added.kind = appMentioned
	if p.format() == Classic {
		return p.deliver(ctx, added)
	}
	added.message = ""
	p.deliver(ctx, added)
	return p.deliver(ctx, e)
}

// click selects a button of a card in a message.
func (p *Page) click(
	ctx context.Context, person google.Person, space google.Space, message string, form url.Values,
) *exchange {
	b := button{form.Get("function"), map[string]string{}, form.Get("opens") != ""}
	for _, name := range form["key"] {
		b.parameters[name] = form.Get("value-" + name)
	}
	e := event{kind: cardClicked, person: person, space: space, message: message, button: b}
	if b.opens {
		e.dialog = "REQUEST_DIALOG"
	}
	return p.deliver(ctx, e)
}

// command returns the slash command that a text starts with and the text after it, or nil.
func (p *Page) command(text string) (*Command, string) {
	name, _, _ := strings.Cut(text, " ")
	for i := range p.Commands {
		if p.Commands[i].Name == name && !p.Commands[i].quick() {
			return &p.Commands[i], strings.TrimPrefix(text, name)
		}
	}
	return nil, ""
}

// Both formats share the objects below (workspace/chat/receive-respond-interactions,
// workspace/add-ons/concepts/event-objects).

func userObject(person google.Person) map[string]any {
	return map[string]any{"name": person.User(), "displayName": person.Name, "email": person.Email, "type": "HUMAN"}
}

func spaceObject(space google.Space) map[string]any {
	name := space.Name()
	if space.Direct {
		return map[string]any{"name": name, "type": "DM", "spaceType": "DIRECT_MESSAGE", "singleUserBotDm": true}
	}
	if space.Group {
		return map[string]any{"name": name, "type": "ROOM", "spaceType": "GROUP_CHAT"}
	}
	return map[string]any{"name": name, "type": "ROOM", "spaceType": "SPACE", "displayName": space.DisplayName}
}

// commandType returns the appCommandType of a command.
func (e event) commandType() string {
	if e.command.quick() {
		return "QUICK_COMMAND"
	}
	return "SLASH_COMMAND"
}

// formInputs returns the inputs of a form (workspace/chat/read-form-data).
func (e event) formInputs() map[string]any {
	out := map[string]any{}
	for name, values := range e.inputs {
		out[name] = map[string]any{"stringInputs": map[string]any{"value": values}}
	}
	return out
}

// hasMessage reports whether the event includes a message.
func (e event) hasMessage() bool { return e.message != "" && e.kind != quickCommandUsed && !e.home }

func (p *Page) message(e event) map[string]any {
	if e.kind == cardClicked {
		return map[string]any{"name": e.message, "sender": map[string]any{"name": "users/app", "type": "BOT"}}
	}
	out := map[string]any{
		"name": e.message, "sender": userObject(e.person), "text": e.text, "markupSyntax": google.ChatMarkup,
		"thread": map[string]any{"name": e.space.Name() + "/threads/" + threadOf(e.message)},
	}
	if e.args != "" {
		out["argumentText"] = e.args
	}
	var annotations []any
	if c := e.command; c != nil {
		id := strconv.Itoa(c.ID)
		out["slashCommand"] = map[string]any{"commandId": id}
		annotations = append(annotations, map[string]any{
			"type": "SLASH_COMMAND", "startIndex": 0, "length": len(c.Name),
			"slashCommand": map[string]any{"type": "INVOKE", "commandName": c.Name, "commandId": id},
		})
	}
	if annotations = append(annotations, p.mentions(e.text)...); annotations != nil {
		out["annotations"] = annotations
	}
	return out
}

// threadOf returns the ID of the thread that a message starts. In message names it occurs twice.
func threadOf(message string) string {
	id, _, _ := strings.Cut(message[strings.LastIndex(message, "/")+1:], ".")
	return id
}

// units returns the length of a text in UTF-16 units, in which Chat counts.
func units(text string) int { return len(utf16.Encode([]rune(text))) }

// mentions returns annotations for the people whose names follow an @ in a text.
func (p *Page) mentions(text string) []any {
	var out []any
	for _, person := range p.Google.Accounts() {
		if i := strings.Index(text, "@"+person.Name); i >= 0 {
			out = append(out, map[string]any{
				"type": "USER_MENTION", "startIndex": units(text[:i]), "length": units(person.Name) + 1,
				"userMention": map[string]any{"type": "MENTION", "user": userObject(person)},
			})
		}
	}
	return out
}

package chatpage

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"example.com/deputy/emulator/google"
)

// kind is what happened.
type kind int

const (
	said kind = iota
	commanded
	chosen // a quick command
	added
	removed
	clicked
	homeOpened
)

// event is what happened, before it is written in the app's format.
type event struct {
	kind    kind
	at      time.Time
	who     google.Person
	in      google.Space
	message string // resource name; for clicks, of the card
	text    string
	args    string   // what stands behind the command
	command *Command // for commanded
	button  button   // for clicked
	inputs  map[string][]string
	dialog  string // dialogEventType; empty for none
	home    bool   // on the Home tab, or in a dialog opened there
	// complete is the completion address; clicks have none.
	complete string
}

// button is a button of a card of the app.
type button struct {
	function   string
	parameters map[string]string
	opens      bool // a dialog
}

// add is the person adding the app to their direct message, or to a space.
func (p *Page) add(ctx context.Context, who google.Person, in google.Space) *exchange {
	in.App = true
	p.Google.Join(in.ID, true)
	return p.deliver(ctx, event{kind: added, who: who, in: in})
}

// remove is the person removing the app.
func (p *Page) remove(ctx context.Context, who google.Person, in google.Space) *exchange {
	p.Google.Join(in.ID, false)
	return p.deliver(ctx, event{kind: removed, who: who, in: in})
}

// send is the person writing. The app gets it when it is a command, or in the
// direct message.
func (p *Page) send(ctx context.Context, who google.Person, in google.Space, text string) *exchange {
	if text == "" {
		return nil
	}
	command, args := p.command(text)
	private := ""
	if command != nil && in.App {
		private = who.User() // Chat shows a command to the person and the app alone
	}
	id := p.Google.Post(in.ID, google.Message{Sender: who, Text: text, Private: private})
	if !in.App || command == nil && !in.Direct && !strings.HasPrefix(text, "@"+p.App) {
		return nil
	}
	e := event{kind: said, who: who, in: in, message: id, text: text, args: strings.TrimPrefix(text, "@"+p.App)}
	if command != nil {
		e.kind, e.command, e.args = commanded, command, args
		if command.Dialog {
			e.dialog = "REQUEST_DIALOG"
		}
	}
	return p.deliver(ctx, e)
}

// click is the person pressing a button of a card in a message.
func (p *Page) click(ctx context.Context, who google.Person, in google.Space, message string, form url.Values) *exchange {
	e := event{kind: clicked, who: who, in: in, message: message, button: button{function: form.Get("function"), parameters: map[string]string{}, opens: form.Get("opens") != ""}}
	for _, name := range form["key"] {
		e.button.parameters[name] = form.Get("value-" + name)
	}
	if e.button.opens {
		e.dialog = "REQUEST_DIALOG"
	}
	return p.deliver(ctx, e)
}

// command finds the command a text begins with.
func (p *Page) command(text string) (*Command, string) {
	name, _, _ := strings.Cut(text, " ")
	for i := range p.Commands {
		if p.Commands[i].Name == name && !p.Commands[i].quick() {
			return &p.Commands[i], strings.TrimPrefix(text, name)
		}
	}
	return nil, ""
}

// The parts below are the same in both formats (chat-protocol.md 1.2, 2.1).

func user(who google.Person) map[string]any {
	return map[string]any{"name": who.User(), "displayName": who.Name, "email": who.Email, "type": "HUMAN"}
}

func space(in google.Space) map[string]any {
	if in.Direct {
		return map[string]any{"name": in.Name(), "type": "DM", "spaceType": "DIRECT_MESSAGE", "singleUserBotDm": true}
	}
	if in.Group {
		return map[string]any{"name": in.Name(), "type": "ROOM", "spaceType": "GROUP_CHAT"}
	}
	return map[string]any{"name": in.Name(), "type": "ROOM", "spaceType": "SPACE", "displayName": in.DisplayName}
}

// commandType is how both formats name the kind of a command.
func (e event) commandType() string {
	if e.command.quick() {
		return "QUICK_COMMAND"
	}
	return "SLASH_COMMAND"
}

// holds are the inputs of a form as both formats have them (4.3).
func (e event) holds() map[string]any {
	out := map[string]any{}
	for name, values := range e.inputs {
		out[name] = map[string]any{"stringInputs": map[string]any{"value": values}}
	}
	return out
}

// hasMessage tells whether the event has a message with it.
func (e event) hasMessage() bool { return e.message != "" && e.kind != chosen && !e.home }

// message is the message of an event.
func (p *Page) message(e event) map[string]any {
	if e.kind == clicked {
		return map[string]any{"name": e.message, "sender": map[string]any{"name": "users/app", "type": "BOT"}}
	}
	out := map[string]any{
		"name": e.message, "sender": user(e.who), "text": e.text, "argumentText": e.args,
		"thread": map[string]any{"name": e.in.Name() + "/threads/" + threadOf(e.message)},
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

// threadOf is the id of the thread that a message begins: Chat names the message
// by it twice.
func threadOf(message string) string {
	id, _, _ := strings.Cut(message[strings.LastIndex(message, "/")+1:], ".")
	return id
}

// mentions are the people named with an @ in a text.
func (p *Page) mentions(text string) []any {
	var out []any
	for _, who := range p.Google.Accounts() {
		if at := strings.Index(text, "@"+who.Name); at >= 0 {
			out = append(out, map[string]any{
				"type": "USER_MENTION", "startIndex": at, "length": len(who.Name) + 1,
				"userMention": map[string]any{"type": "MENTION", "user": user(who)},
			})
		}
	}
	return out
}

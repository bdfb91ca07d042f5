package chatpage

import (
	"context"
	"strconv"
	"strings"
	"time"

	"example.com/deputy/internal/standin/google"
)

// event is a classic event on its way to the app.
type event struct {
	body    map[string]any
	message string // the person's message it is about; empty for none
}

// base is what every event has (chat-protocol.md 1.2).
func (p *Page) base(kind string, who google.Person, in google.Space) map[string]any {
	return map[string]any{
		"type": kind, "eventTime": p.Now().UTC().Format(time.RFC3339Nano),
		"user": user(who), "space": space(in), "common": map[string]any{"userLocale": "en", "hostApp": "CHAT"},
	}
}

func user(who google.Person) map[string]any {
	return map[string]any{"name": who.User(), "displayName": who.Name, "email": who.Email, "type": "HUMAN"}
}

func space(in google.Space) map[string]any {
	if in.Direct {
		return map[string]any{"name": in.Name(), "type": "DM", "spaceType": "DIRECT_MESSAGE", "singleUserBotDm": true}
	}
	return map[string]any{"name": in.Name(), "type": "ROOM", "spaceType": "SPACE", "displayName": in.DisplayName}
}

// add is the person adding the app to their direct message.
func (p *Page) add(ctx context.Context, who google.Person, in google.Space) {
	p.deliver(ctx, who, in.ID, event{body: p.base("ADDED_TO_SPACE", who, in)})
}

// send is the person writing. The app gets it when it is a command, or in the
// direct message.
func (p *Page) send(ctx context.Context, who google.Person, in google.Space, text string) {
	if text == "" {
		return
	}
	command, args := p.command(text)
	if !in.App {
		p.Google.Post(in.ID, google.Message{Sender: who, Text: text})
		return
	}
	private := ""
	if command != nil {
		private = who.User() // Chat shows a command to the person and the app alone
	}
	id := p.Google.Post(in.ID, google.Message{Sender: who, Text: text, Private: private})
	if command == nil && !in.Direct {
		return
	}
	body := p.base("MESSAGE", who, in)
	message := map[string]any{
		"name": id, "sender": user(who), "text": text, "argumentText": text,
		"thread": map[string]any{"name": in.Name() + "/threads/" + id[strings.LastIndex(id, "/")+1:]},
	}
	var annotations []any
	if command != nil {
		message["argumentText"] = args
		message["slashCommand"] = map[string]any{"commandId": strconv.Itoa(command.ID)}
		body["appCommandMetadata"] = map[string]any{"appCommandId": command.ID, "appCommandType": "SLASH_COMMAND"}
		annotations = append(annotations, map[string]any{
			"type": "SLASH_COMMAND", "startIndex": 0, "length": len(command.Name),
			"slashCommand": map[string]any{"type": "INVOKE", "commandName": command.Name, "commandId": strconv.Itoa(command.ID)},
		})
	}
	annotations = append(annotations, mentions(text)...)
	if annotations != nil {
		message["annotations"] = annotations
	}
	body["message"] = message
	p.deliver(ctx, who, in.ID, event{body, id})
}

// command finds the command a text begins with.
func (p *Page) command(text string) (*Command, string) {
	name, _, _ := strings.Cut(text, " ")
	for i := range p.Commands {
		if p.Commands[i].Name == name {
			return &p.Commands[i], strings.TrimPrefix(text, name)
		}
	}
	return nil, ""
}

// mentions are the people named with an @ in a text.
func mentions(text string) []any {
	var out []any
	for _, p := range google.People() {
		if at := strings.Index(text, "@"+p.Name); at >= 0 {
			out = append(out, map[string]any{
				"type": "USER_MENTION", "startIndex": at, "length": len(p.Name) + 1,
				"userMention": map[string]any{"type": "MENTION", "user": user(p)},
			})
		}
	}
	return out
}

// click is a button of a card of the app.
type click struct{ message, function, value string }

// click is the person pressing it.
func (p *Page) click(ctx context.Context, who google.Person, in google.Space, c click) {
	body := p.base("CARD_CLICKED", who, in)
	body["message"] = map[string]any{"name": c.message, "sender": map[string]any{"name": "users/app", "type": "BOT"}}
	body["action"] = map[string]any{"actionMethodName": c.function, "parameters": []any{map[string]any{"key": "value", "value": c.value}}}
	common, _ := body["common"].(map[string]any)
	common["invokedFunction"], common["parameters"] = c.function, map[string]any{"value": c.value}
	p.deliver(ctx, who, in.ID, event{body, c.message})
}

package chatevent

import (
	"context"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/words"
)

// ask is the one place that asks a person to connect (design stop 6). In a
// direct message Chat's own prompt does it, and Chat repeats the command by
// itself afterwards. Elsewhere that repetition would publish what the person
// typed, and a click cannot be repeated: there a private card has Connect and
// Continue. So it has when there is something to tell: the prompt carries no
// text. A form that was sent stays open, and is sent again.
func (f function) ask(ctx context.Context, h *heard, needs *capability.Needs) (chat.Reply, error) {
	e := h.event
	say, text, tell := i18n.In(e.Locale), words.ConnectText, false
	switch {
	case needs.SignIn:
		text, tell = words.ConnectSignIn, true
	case needs.Ended && f.Grants.Tell(ctx, e.Person.Name):
		text, tell = words.ConnectEnded, true
	}
	prompt := e.Space.Direct && !e.Complete.Empty() && !tell && e.Dialog == chat.NoDialog
	if !prompt {
		e.Complete = config.Secret{}
	}
	link, err := f.Consent.Invite(ctx, resource.Named(e.Person.Name), e.Complete, needs.Capabilities...)
	if err != nil {
		return chat.Reply{}, fault.Wrap("chatevent.ask", err)
	}
	if prompt {
		return chat.Reply{Connect: link}, nil
	}
	lead := chat.Button{Text: say(words.ButtonConnect), Link: link, Strong: true}
	if h.form != nil {
		if !tell {
			text = words.ConnectForm
		}
		return h.form(notice{widgets: []chat.Widget{{Text: say(text)}, buttons(lead)}})
	}
	again, err := f.repeat(words.ButtonContinue, e, h.tried)
	if err != nil {
		return chat.Reply{}, err
	}
	if len(again) == 0 && !tell {
		text = words.ConnectRetype
	}
	return card(say(words.ConnectTitle), chat.Widget{Text: say(text)}, buttons(append([]chat.Button{lead}, again...)...)), nil
}

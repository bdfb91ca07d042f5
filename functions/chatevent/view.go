package chatevent

import (
	"context"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

// view is an event, and the reply to it: a card in the person's language. The first error of a button stays in err, and
// reply returns it. A handler gets an empty view.
type view struct {
	function
	event chat.Event
	say   i18n.Say
	out   chat.Reply
	err   error
}

func (f function) newView(e chat.Event) *view {
	out := chat.Reply{Card: &chat.Card{Sections: make([]chat.Section, 1)}}
	return &view{function: f, event: e, say: i18n.In(e.Locale), out: out}
}

// reply returns the card under a title.
func (v *view) reply(title i18n.Text) (chat.Reply, error) {
	v.out.Card.Title = v.say(title)
	return v.out, v.err
}

// section begins a section.
func (v *view) section(header i18n.Text) {
	v.out.Card.Sections = append(v.out.Card.Sections, chat.Section{Header: v.say(header)})
}

func (v *view) add(widgets ...chat.Widget) {
	last := &v.out.Card.Sections[len(v.out.Card.Sections)-1]
	last.Widgets = append(last.Widgets, widgets...)
}

func (v *view) text(text i18n.Text, args ...any) { v.add(chat.Widget{Text: v.say(text, args...)}) }

// labeled adds a text with a label, unless the text is empty.
func (v *view) labeled(label i18n.Text, text string) {
	if text != "" {
		v.add(chat.Widget{Label: v.say(label), Text: text})
	}
}

// row adds a row of buttons, if there are any.
func (v *view) row(buttons ...chat.Button) {
	if len(buttons) > 0 {
		v.add(chat.Widget{Buttons: buttons})
	}
}

func (v *view) button(text i18n.Text, handler string, i invocation) chat.Button {
	return v.sealed(v.say(text), buttonValue{Handler: handler, Invocation: i})
}

func (v *view) dialogButton(text i18n.Text, handler string, i invocation) chat.Button {
	if v.event.OnHomeTab && v.event.Dialog != chat.NoDialog { // the reply to any button in a dialog is a dialog
		return v.button(text, handler, i)
	}
	b := v.sealed(v.say(text), buttonValue{Handler: handler, Invocation: i, OpensDialog: true})
	b.OpensDialog = true
	return b
}

func (v *view) sealed(text string, value buttonValue) chat.Button {
	sealed, err := v.seal(value, v.event)
	v.keep(err)
	return chat.Button{Text: text, Value: sealed}
}

func (v *view) keep(err error) {
	if v.err == nil {
		v.err = err
	}
}

// maxButtonValue limits the value of a retry button, in bytes. The whole card has 32 KB (Chat API reference: cards).
const maxButtonValue = 16_000

// retryButtons returns the button that repeats an attempt with the same idempotency key. It returns none for the zero
// attempt, or when the input is too long for a button.
func (v *view) retryButtons(text i18n.Text, retry attempt) []chat.Button {
	if retry.handler == "" {
		return nil
	}
	b := v.button(text, retry.handler, retry.invocation)
	if len(b.Value.Reveal()) > maxButtonValue {
		return nil
	}
	return []chat.Button{b}
}

// consentButton returns a button that asks the person for a consent.
func (v *view) consentButton(ctx context.Context, text i18n.Text, w consent.Wish) chat.Button {
	link, err := v.Consent.InviteInChat(ctx, v.event.Person.Name, w)
	v.keep(err)
	return chat.Button{Text: v.say(text), Link: link}
}

// connectButton returns a button that connects a new person.
func (v *view) connectButton(ctx context.Context, c grants.Connection) chat.Button {
	create := needs(capability.CreateSpaces)
	wish := consent.Wish{Needed: create, Optional: without(spaceNeeds, append(create, c.Refused...))}
	return v.consentButton(ctx, words.ButtonConnect, wish)
}

package chatevent

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/serve"
	"example.com/deputy/shared/words"
)

const buttonLife = 24 * time.Hour

// What a button does.
const (
	runAgain      = "run"        // its command, as it was: Continue, Try again
	confirmLeave  = "disconnect" // end the grant
	confirmErase  = "erase"      // ... and erase all else
	askForget     = "askForget"
	withdraw      = "withdraw" // one caller's approval
	finish        = "finish"   // what is left to do for a space
	openForm      = "open"
	fillForm      = "fill" // with a template
	sendForm      = "send"
	openHome      = "home"
	buttonPurpose = "button"
)

// act does something for a person, and answers.
type act func(context.Context, function, chat.Event, invocation) (chat.Reply, error)

// acts are what the buttons do. It is a function because some of them draw
// buttons.
func acts() map[string]act {
	return map[string]act{
		runAgain: func(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
			return f.run(ctx, e, i)
		},
		confirmLeave: leave,
		askForget:    askToForget,
		confirmErase: eraseAll,
		withdraw:     withdrawApproval,
		finish:       finishSpace,
		openForm:     open,
		fillForm:     fill,
		sendForm:     send,
		openHome:     home,
	}
}

// value is what a button of ours carries through the client: sealed, for one
// act of one person in one space.
type value struct {
	Act        string             `json:"act"`
	Person     resource.Person    `json:"person"`
	Space      resource.SpaceName `json:"space"`
	Invocation invocation         `json:"invocation"`
	Home       bool               `json:"home,omitempty"`   // it is on the Home tab, or in a dialog opened there
	Dialog     bool               `json:"dialog,omitempty"` // ... in that dialog
	Opens      bool               `json:"opens,omitempty"`  // a dialog
	Until      time.Time          `json:"until"`
}

// button is a button that brings an act back for the person of e.
func (f function) button(text i18n.Text, act string, e chat.Event, i invocation) (chat.Button, error) {
	return f.seal(i18n.In(e.Locale)(text), value{Act: act, Invocation: i}, e)
}

// opener is a button that opens a dialog.
func (f function) opener(text i18n.Text, act string, e chat.Event, i invocation) (chat.Button, error) {
	if e.Home && e.Dialog != chat.NoDialog { // in a dialog, the next step is one anyway
		return f.button(text, act, e, i)
	}
	b, err := f.seal(i18n.In(e.Locale)(text), value{Act: act, Invocation: i, Opens: true}, e)
	b.Opens = true
	return b, err
}

// maxValue is how many bytes a button that repeats what was typed may carry: a
// card has 32 KB for everything (chat-protocol.md 5).
const maxValue = 16_000

// repeat is the button that does what was tried once more, with the same key;
// none when what was typed is longer than a button can carry.
func (f function) repeat(text i18n.Text, e chat.Event, tried attempt) ([]chat.Button, error) {
	if tried.act == "" {
		return nil, nil
	}
	b, err := f.button(text, tried.act, e, tried.invocation)
	if err != nil || len(b.Value.Reveal()) > maxValue {
		return nil, err
	}
	return []chat.Button{b}, nil
}

func (f function) seal(text string, v value, e chat.Event) (chat.Button, error) {
	v.Person, v.Space, v.Until = e.Person.Name, e.Space.Name, f.Now().Add(buttonLife)
	v.Home, v.Dialog = e.Home, e.Dialog != chat.NoDialog
	plain, err := json.Marshal(v)
	if err != nil {
		return chat.Button{}, fault.Wrap("chatevent.seal", err)
	}
	sealed, err := f.Keys.Seal(plain, seal.Place{Purpose: buttonPurpose})
	if err != nil {
		return chat.Button{}, fault.Wrap("chatevent.seal", err)
	}
	return chat.Button{Text: text, Value: config.NewSecret(base64.RawURLEncoding.EncodeToString(sealed))}, nil
}

// click does what a button says, for the person and in the space it was made
// for.
func (f function) click(ctx context.Context, e chat.Event) (chat.Reply, error) {
	v, err := f.unseal(e)
	if errors.Is(err, errOld) && (v.Act == sendForm || v.Act == fillForm) {
		// What was typed is not lost: the form is drawn anew, for the same act.
		return f.show(ctx, f.there(ctx, e, v), v.Invocation, e.Inputs, notice{widgets: []chat.Widget{{Text: warning + i18n.In(e.Locale)(words.FormOld)}}})
	}
	if err != nil {
		return chat.Reply{}, &fault.Error{Op: "chatevent.click", Kind: fault.Invalid, Public: words.ErrorButton, Err: err}
	}
	do, ok := acts()[v.Act]
	if !ok {
		return chat.Reply{}, fault.New(fault.Invalid, words.ErrorButton)
	}
	e = f.there(ctx, e, v)
	of(ctx).tried = attempt{v.Act, v.Invocation}
	reply, err := f.within(ctx, func() (chat.Reply, error) { return do(ctx, f, e, v.Invocation) })
	if errors.Is(err, serve.ErrFull) && (v.Act == sendForm || v.Act == fillForm) { // what was typed is not lost here either
		return f.show(ctx, e, v.Invocation, e.Inputs, notice{widgets: []chat.Widget{{Text: warning + i18n.In(e.Locale)(words.ErrorBusy)}}})
	}
	return reply, err
}

// there is a click with the place it happened in, as the card it is on tells:
// no format says it of all clicks (chat-protocol.md 1.5, 2.4).
func (function) there(ctx context.Context, e chat.Event, v value) chat.Event {
	switch {
	case v.Opens:
		e.Dialog = chat.Opens
	case v.Home && v.Dialog:
		e.Dialog = chat.Sent
	case v.Home:
		e.Dialog = chat.NoDialog
	}
	e.Home = v.Home
	of(ctx).event = e
	return e
}

// errOld says that a button is right, but for its age.
var errOld = errors.New("the button is older than a day")

func (f function) unseal(e chat.Event) (value, error) {
	var v value
	sealed, err := base64.RawURLEncoding.DecodeString(e.Value.Reveal())
	if err != nil {
		return v, errors.New("the button's value is not a sealed text")
	}
	plain, err := f.Keys.Open(sealed, seal.Place{Purpose: buttonPurpose})
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(plain, &v); err != nil {
		return v, err
	}
	switch {
	case v.Person != e.Person.Name:
		return v, errors.New("another person's button")
	case v.Space != e.Space.Name && !v.Home: // the Home tab is one person's own
		return v, errors.New("a button of another space")
	case !f.Now().Before(v.Until):
		return v, errOld
	}
	return v, nil
}

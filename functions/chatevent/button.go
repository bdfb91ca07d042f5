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
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/serve"
	"example.com/deputy/shared/strictjson"
	"example.com/deputy/shared/words"
)

const (
	buttonLifetime = 24 * time.Hour
	buttonPurpose  = "button" // of the seal
)

// The names of the button handlers. They are in sealed values.
const (
	runButton        = "run"        // repeats a command: Continue, Try again
	disconnectButton = "disconnect" // ends the grant
	askEraseButton   = "askErase"   // asks for confirmation
	eraseButton      = "erase"      // ends the grant and erases all other records
	withdrawButton   = "withdraw"   // withdraws the approval of one caller
	finishButton     = "finish"     // does the remaining steps for a space
	openFormButton   = "open"
	fillFormButton   = "fill" // applies a template
	sendFormButton   = "send"
	homeButton       = "home"
)

// handler runs a command or a button for the person of the view, and returns the reply.
type handler func(context.Context, *view, invocation) (chat.Reply, error)

// buttonHandlers is a function because a variable would be an initialization cycle: handlers draw buttons.
func buttonHandlers() map[string]handler {
	return map[string]handler{
		runButton:        runCommand,
		disconnectButton: disconnect,
		askEraseButton:   askErase,
		eraseButton:      eraseAll,
		withdrawButton:   withdrawApproval,
		finishButton:     finishSpace,
		openFormButton:   openForm,
		fillFormButton:   fillForm,
		sendFormButton:   sendForm,
		homeButton:       home,
	}
}

// buttonValue is the value of a button. It is sealed and valid for one handler, one person, and one space.
type buttonValue struct {
	Handler     string             `json:"act"`
	Person      resource.Person    `json:"person"`
	Space       resource.SpaceName `json:"space"`
	Invocation  invocation         `json:"invocation"`
	OnHomeTab   bool               `json:"home,omitempty"`   // the button is on the Home tab, or in its dialog
	InDialog    bool               `json:"dialog,omitempty"` // the button is in a dialog
	OpensDialog bool               `json:"opens,omitempty"`
	Expires     time.Time          `json:"until"`
}

// seal returns the value of a button for the person and the space of an event.
func (f function) seal(v buttonValue, e chat.Event) (config.Secret, error) {
	v.Person, v.Space, v.Expires = e.Person.Name, e.Space.Name, f.Now().Add(buttonLifetime)
	v.OnHomeTab, v.InDialog = e.OnHomeTab, e.Dialog != chat.NoDialog
	plain, err := json.Marshal(v)
	if err != nil {
		return config.Secret{}, fault.Wrap("chatevent.sealButton", err)
	}
	sealed, err := f.Keys.Seal(plain, seal.Place{Purpose: buttonPurpose})
	return config.NewSecret(base64.RawURLEncoding.EncodeToString(sealed)), fault.Wrap("chatevent.sealButton", err)
}

// handleClick runs the clicked button's handler, if the button was made for this person and space.
func (f function) handleClick(ctx context.Context, e chat.Event) (chat.Reply, error) {
	v, err := f.unseal(e)
	hasInputs := v.Handler == sendFormButton || v.Handler == fillFormButton
	if errors.Is(err, errExpired) && hasInputs { // show the form again with its input, under the same key
		return f.show(ctx, f.restoreOrigin(ctx, e, v), v.Invocation, e.Inputs, warn(e, words.FormOld))
	}
	if err != nil {
		return chat.Reply{}, &fault.Error{Op: "chatevent", Kind: fault.Invalid, Public: words.ErrorButton, Err: err}
	}
	handle, ok := buttonHandlers()[v.Handler]
	if !ok {
		return chat.Reply{}, fault.New(fault.Invalid, words.ErrorButton)
	}
	e = f.restoreOrigin(ctx, e, v)
	stateOf(ctx).retry = attempt{v.Handler, v.Invocation}
	reply, err := f.limitConcurrency(ctx, func() (chat.Reply, error) { return handle(ctx, f.newView(e), v.Invocation) })
	if errors.Is(err, serve.ErrFull) && hasInputs { // keep the form's input here too
		return f.show(ctx, e, v.Invocation, e.Inputs, warn(e, words.ErrorBusy))
	}
	return reply, err
}

// restoreOrigin sets where the click came from, as recorded in the button's value. Chat doesn't report it for every
// click (workspace/chat/send-app-home-card-message, workspace/add-ons/chat/convert).
func (function) restoreOrigin(ctx context.Context, e chat.Event, v buttonValue) chat.Event {
	switch {
	case v.OpensDialog:
		e.Dialog = chat.DialogRequested
	case v.OnHomeTab && v.InDialog:
		e.Dialog = chat.DialogSubmitted
	case v.OnHomeTab:
		e.Dialog = chat.NoDialog
	}
	e.OnHomeTab = v.OnHomeTab
	stateOf(ctx).event = e
	return e
}

// errExpired means that a button is valid except for its age.
var errExpired = errors.New("button is older than a day")

func (f function) unseal(e chat.Event) (buttonValue, error) {
	var v buttonValue
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(e.Value.Reveal())
	if err != nil {
		return v, errors.New("button value is not base64url")
	}
	plain, err := f.Keys.Open(sealed, seal.Place{Purpose: buttonPurpose})
	if err != nil {
		return v, err
	}
	if err := strictjson.Decode(plain, &v); err != nil {
		return v, err
	}
	switch {
	case v.Person != e.Person.Name:
		return v, errors.New("button belongs to another person")
	case v.Space != e.Space.Name && !v.OnHomeTab: // only this person sees their Home tab
		return v, errors.New("button belongs to another space")
	case !f.Now().Before(v.Expires):
		return v, errExpired
	}
	return v, nil
}

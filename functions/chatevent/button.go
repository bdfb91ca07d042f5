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
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/words"
)

const buttonLife = 24 * time.Hour

// What a button can do.
const (
	runAgain      = "run" // its invocation: Continue, Try again
	confirmLeave  = "disconnect"
	buttonPurpose = "button"
)

// value is what a button of ours carries through the client: sealed, for one
// act of one person in one space.
type value struct {
	Act        string     `json:"act"`
	Person     string     `json:"person"`
	Space      string     `json:"space"`
	Invocation invocation `json:"invocation"`
	Until      time.Time  `json:"until"`
}

// button is a button that brings an act back for the person of e.
func (f function) button(text, act string, e chat.Event, i invocation) (chat.Button, error) {
	plain, err := json.Marshal(value{act, e.Person.Name, e.Space.Name, i, f.Now().Add(buttonLife)})
	if err != nil {
		return chat.Button{}, fault.Wrap("chatevent.button", err)
	}
	sealed, err := f.Keys.Seal(plain, seal.Place{Purpose: buttonPurpose})
	if err != nil {
		return chat.Button{}, fault.Wrap("chatevent.button", err)
	}
	return chat.Button{Text: text, Value: config.Secret(base64.RawURLEncoding.EncodeToString(sealed))}, nil
}

// click does what a button says, for the person and in the space it was made
// for.
func (f function) click(ctx context.Context, e chat.Event) (chat.Reply, error) {
	v, err := f.open(e)
	if errors.Is(err, seal.ErrUnknownKey) {
		return chat.Reply{}, fault.Wrap("chatevent.click", err) // the operator's to mend
	}
	if err != nil {
		return chat.Reply{}, &fault.Error{Op: "chatevent.click", Kind: fault.Invalid, Public: words.ButtonDead, Err: err}
	}
	switch v.Act {
	case runAgain:
		return f.run(ctx, e, v.Invocation)
	case confirmLeave:
		of(ctx).done = v.Invocation // Try again asks once more
		return leave(ctx, f, e)
	default:
		return chat.Reply{}, fault.New(fault.Invalid, words.ButtonDead)
	}
}

func (f function) open(e chat.Event) (value, error) {
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
	case v.Space != e.Space.Name:
		return v, errors.New("a button of another space")
	case !f.Now().Before(v.Until):
		return v, errors.New("the button is older than a day")
	}
	return v, nil
}

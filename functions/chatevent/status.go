package chatevent

import (
	"context"
	"slices"
	"time"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/userauth"
)

// status shows a person's connection; nobody has to be connected for it.
func status(ctx context.Context, f function, e chat.Event, _ invocation) (chat.Reply, error) {
	c, err := f.Auth.Connection(ctx, e.Person.Name)
	if err != nil {
		return chat.Reply{}, err
	}
	if c.Connected {
		return f.connectedCard(ctx, words.yourConnection, e, c)
	}
	widgets := []chat.Widget{{Text: words.notConnectedText}}
	if c.Ended && f.Auth.Tell(ctx, e.Person.Name) {
		widgets = append([]chat.Widget{{Text: words.ended}}, widgets...)
	}
	connect, err := f.allow(ctx, words.connect, e, userauth.CreateSpaces)
	if err != nil {
		return chat.Reply{}, err
	}
	return say(words.notConnected, append(widgets, buttons(connect))...), nil
}

// connectedCard shows what a person allowed, capability by capability.
func (f function) connectedCard(ctx context.Context, title string, e chat.Event, c userauth.Connection) (chat.Reply, error) {
	widgets := []chat.Widget{{Label: words.account, Text: c.Email}}
	for _, capability := range userauth.Capabilities() {
		state := words.notAsked
		switch {
		case slices.Contains(c.Allowed, capability):
			state = words.allowed
		case slices.Contains(c.Declined, capability):
			state = words.declined
		}
		widgets = append(widgets, chat.Widget{Label: words.capability[capability], Text: state})
	}
	widgets = append(widgets, chat.Widget{Label: words.since, Text: day(c.Since)})
	if !c.Until.IsZero() {
		widgets = append(widgets, chat.Widget{Label: words.until, Text: day(c.Until)})
	}
	if c.SignIn {
		widgets = append(widgets, chat.Widget{Text: words.signIn})
	}
	widgets = append(widgets, chat.Widget{Text: words.howToEnd})
	text, capabilities := "", c.Allowed
	switch {
	case c.SignIn:
		text = words.connect
	case len(c.Declined) > 0:
		text, capabilities = words.allowRest, append(capabilities, c.Declined...)
	}
	if text != "" {
		allow, err := f.allow(ctx, text, e, capabilities...)
		if err != nil {
			return chat.Reply{}, err
		}
		widgets = append(widgets, buttons(allow))
	}
	return say(title, widgets...), nil
}

// allow is a button that leads to the consent for some capabilities.
func (f function) allow(ctx context.Context, text string, e chat.Event, capabilities ...userauth.Capability) (chat.Button, error) {
	link, err := f.Auth.Invite(ctx, e.Person.Name, "", capabilities...)
	return chat.Button{Text: text, Link: link}, err
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 MST") }

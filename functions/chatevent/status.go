package chatevent

import (
	"context"
	"slices"
	"strings"
	"time"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/words"
)

// myConnection is the quick command that shows the same as a dialog.
const myConnection = 102

// status shows a person's connection, who else may act as them, and what those
// did; nobody has to be connected for it.
func status(ctx context.Context, f function, e chat.Event, _ invocation) (chat.Reply, error) {
	c, err := f.Grants.Connection(ctx, e.Person.Name)
	if err != nil {
		return chat.Reply{}, err
	}
	var reply chat.Reply
	if c.Connected {
		reply, err = f.connectedCard(ctx, words.StatusTitle, e, c)
	} else {
		reply, err = f.notConnectedCard(ctx, e, c)
	}
	if err != nil {
		return chat.Reply{}, err
	}
	approved, err := f.approvals(ctx, e, c.Approvals)
	if err != nil {
		return chat.Reply{}, err
	}
	done, err := f.activities(ctx, e)
	if err != nil {
		return chat.Reply{}, err
	}
	held, err := f.held(e)
	if err != nil {
		return chat.Reply{}, err
	}
	say := i18n.In(e.Locale)
	reply.Card.Sections = append(reply.Card.Sections,
		chat.Section{Header: say(words.StatusApproved), Widgets: approved},
		chat.Section{Header: say(words.StatusActivity), Widgets: done},
		chat.Section{Header: say(words.StatusData), Widgets: held})
	return reply, nil
}

// held is what a person can do about what Deputy holds about them.
func (f function) held(e chat.Event) ([]chat.Widget, error) {
	say := i18n.In(e.Locale)
	link, err := f.Grants.ExportLink(e.Person.Name)
	if err != nil {
		return nil, err
	}
	all, err := f.button(words.ButtonErase, askForget, e, invocation{})
	return []chat.Widget{{Text: say(words.StatusDataText)}, buttons(chat.Button{Text: say(words.ButtonDownload), Link: link}, all)}, err
}

func (f function) notConnectedCard(ctx context.Context, e chat.Event, c grants.Connection) (chat.Reply, error) {
	say := i18n.In(e.Locale)
	widgets := []chat.Widget{{Text: say(words.StatusNotConnectedText)}}
	if c.Ended && f.Grants.Tell(ctx, e.Person.Name) {
		widgets = append([]chat.Widget{{Text: say(words.ConnectEnded)}}, widgets...)
	}
	connect, err := f.allow(ctx, say(words.ButtonConnect), e, capability.CreateSpaces)
	if err != nil {
		return chat.Reply{}, err
	}
	return card(say(words.StatusNotConnected), append(widgets, buttons(connect))...), nil
}

// connectedCard shows what a person allowed, capability by capability.
func (f function) connectedCard(ctx context.Context, title i18n.Text, e chat.Event, c grants.Connection) (chat.Reply, error) {
	say := i18n.In(e.Locale)
	widgets := append([]chat.Widget{{Label: say(words.StatusAccount), Text: c.Email}}, capabilities(say, c)...)
	widgets = append(widgets, chat.Widget{Label: say(words.StatusSince), Text: day(say, c.Since)})
	if c.Via != "" {
		widgets = append(widgets, chat.Widget{Text: say(words.StatusVia, c.Via)})
	}
	if !c.Until.IsZero() {
		widgets = append(widgets, chat.Widget{Label: say(words.StatusUntil), Text: day(say, c.Until)})
	}
	if c.SignIn {
		widgets = append(widgets, chat.Widget{Text: say(words.ConnectSignIn)})
	}
	text, all := words.ButtonReconnect, c.Allowed
	switch {
	case c.SignIn:
		text = words.ButtonConnect
	case len(c.Declined) > 0:
		text, all = words.ButtonAllowRest, append(all, c.Declined...)
	}
	allow, err := f.allow(ctx, say(text), e, all...)
	if err != nil {
		return chat.Reply{}, err
	}
	end, err := f.button(words.ButtonDisconnect, runAgain, e, invocation{Command: 2})
	if err != nil {
		return chat.Reply{}, err
	}
	return card(say(title), append(widgets, buttons(allow, end))...), nil
}

// capabilities are rows of what a connection allows, and does not.
func capabilities(say i18n.Say, c grants.Connection) []chat.Widget {
	by := map[i18n.Text][]string{}
	for _, capability := range capability.All() {
		state := words.StatusNotAsked
		switch {
		case slices.Contains(c.Allowed, capability):
			state = words.StatusAllowed
		case slices.Contains(c.Declined, capability):
			state = words.StatusDeclined
		case !capability.Everyday():
			continue
		}
		by[state] = append(by[state], "• "+say(capability.Words()))
	}
	var out []chat.Widget
	for _, state := range []i18n.Text{words.StatusAllowed, words.StatusDeclined, words.StatusNotAsked} {
		if len(by[state]) > 0 {
			out = append(out, chat.Widget{Label: say(state), Text: strings.Join(by[state], "\n")})
		}
	}
	return out
}

// allow is a button that leads to the consent for some capabilities.
func (f function) allow(ctx context.Context, text string, e chat.Event, capabilities ...capability.Capability) (chat.Button, error) {
	link, err := f.Consent.Invite(ctx, resource.Named(e.Person.Name), config.Secret{}, capabilities...)
	return chat.Button{Text: text, Link: link}, err
}

func day(say i18n.Say, t time.Time) string { return t.UTC().Format(say(words.TimeLayout)) }

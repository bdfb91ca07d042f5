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

// IDs of commands that buttons run. myConnection is the quick command that shows the status as a dialog.
const (
	disconnectCommand = 2
	myConnection      = 102
)

// status shows the person's connection, if any, the callers that they approved, and what these callers did.
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
	approvals, err := f.approvalWidgets(ctx, e, c.Approvals)
	if err != nil {
		return chat.Reply{}, err
	}
	activities, err := f.activityWidgets(ctx, e)
	if err != nil {
		return chat.Reply{}, err
	}
	data, err := f.dataWidgets(e)
	if err != nil {
		return chat.Reply{}, err
	}
	say := i18n.In(e.Locale)
	reply.Card.Sections = append(reply.Card.Sections,
		chat.Section{Header: say(words.StatusApproved), Widgets: approvals},
		chat.Section{Header: say(words.StatusActivity), Widgets: activities},
		chat.Section{Header: say(words.StatusData), Widgets: data})
	return reply, nil
}

// dataWidgets offers to download or erase what Deputy stores about the person.
func (f function) dataWidgets(e chat.Event) ([]chat.Widget, error) {
	say := i18n.In(e.Locale)
	link, err := f.Grants.ExportLink(e.Person.Name)
	if err != nil {
		return nil, err
	}
	erase, err := f.button(words.ButtonErase, askEraseButton, e, invocation{})
	download := chat.Button{Text: say(words.ButtonDownload), Link: link}
	return []chat.Widget{{Text: say(words.StatusDataText)}, buttons(download, erase)}, err
}

func (f function) notConnectedCard(ctx context.Context, e chat.Event, c grants.Connection) (chat.Reply, error) {
	say := i18n.In(e.Locale)
	widgets := []chat.Widget{{Text: say(words.StatusNotConnectedText)}}
	if c.Ended && f.Grants.ClaimEndNotice(ctx, e.Person.Name) {
		widgets = append([]chat.Widget{{Text: say(words.ConnectEnded)}}, widgets...)
	}
	connect, err := f.consentButton(ctx, say(words.ButtonConnect), e, capability.CreateSpaces)
	if err != nil {
		return chat.Reply{}, err
	}
	return cardReply(say(words.StatusNotConnected), append(widgets, buttons(connect))...), nil
}

func (f function) connectedCard(
	ctx context.Context, title i18n.Text, e chat.Event, c grants.Connection,
) (chat.Reply, error) {
	say := i18n.In(e.Locale)
	widgets := append([]chat.Widget{{Label: say(words.StatusAccount), Text: c.Email}}, capabilityWidgets(say, c)...)
	widgets = append(widgets, chat.Widget{Label: say(words.StatusSince), Text: formatTime(say, c.Since)})
	if c.Via != "" {
		widgets = append(widgets, chat.Widget{Text: say(words.StatusVia, c.Via)})
	}
	if !c.Until.IsZero() {
		widgets = append(widgets, chat.Widget{Label: say(words.StatusUntil), Text: formatTime(say, c.Until)})
	}
	if c.SignInRequired {
		widgets = append(widgets, chat.Widget{Text: say(words.ConnectSignIn)})
	}
	text, wanted := words.ButtonReconnect, c.Allowed
	switch {
	case c.SignInRequired:
		text = words.ButtonConnect
	case len(c.Declined) > 0:
		text, wanted = words.ButtonAllowRest, append(wanted, c.Declined...)
	}
	allow, err := f.consentButton(ctx, say(text), e, wanted...)
	if err != nil {
		return chat.Reply{}, err
	}
	leave, err := f.button(words.ButtonDisconnect, runButton, e, invocation{Command: disconnectCommand})
	if err != nil {
		return chat.Reply{}, err
	}
	return cardReply(say(title), append(widgets, buttons(allow, leave))...), nil
}

// capabilityWidgets lists the capabilities that the person allowed, declined, and was not asked for.
func capabilityWidgets(say i18n.Say, c grants.Connection) []chat.Widget {
	byState := map[i18n.Text][]string{}
	for _, known := range capability.All() {
		state := words.StatusNotAsked
		switch {
		case slices.Contains(c.Allowed, known):
			state = words.StatusAllowed
		case slices.Contains(c.Declined, known):
			state = words.StatusDeclined
		case !known.UsedInChat():
			continue
		}
		byState[state] = append(byState[state], "• "+say(known.Description()))
	}
	var out []chat.Widget
	for _, state := range []i18n.Text{words.StatusAllowed, words.StatusDeclined, words.StatusNotAsked} {
		if len(byState[state]) > 0 {
			out = append(out, chat.Widget{Label: say(state), Text: strings.Join(byState[state], "\n")})
		}
	}
	return out
}

// consentButton returns a button that opens Google's consent for these capabilities.
func (f function) consentButton(
	ctx context.Context, text string, e chat.Event, wanted ...capability.Capability,
) (chat.Button, error) {
	link, err := f.Consent.Invite(ctx, resource.Named(e.Person.Name), config.Secret{}, wanted...)
	return chat.Button{Text: text, Link: link}, err
}

func formatTime(say i18n.Say, t time.Time) string { return t.UTC().Format(say(words.TimeLayout)) }

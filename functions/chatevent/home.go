package chatevent

import (
	"context"
	"slices"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

const maxRecent = 5

// home shows the Home tab: the connection, the newest spaces, and the commands.
func home(ctx context.Context, f function, e chat.Event, _ invocation) (chat.Reply, error) {
	say := i18n.In(e.Locale)
	c, err := f.Grants.Connection(ctx, e.Person.Name)
	if err != nil {
		return chat.Reply{}, err
	}
	refresh, err := f.button(words.ButtonRefresh, homeButton, e, invocation{})
	if err != nil {
		return chat.Reply{}, err
	}
	if !c.Connected || c.SignInRequired {
		text := words.HomeNotConnected
		if c.SignInRequired {
			text = words.ConnectSignIn
		}
		connect, err := f.consentButton(ctx, say(words.ButtonConnect), e, capability.CreateSpaces)
		if err != nil {
			return chat.Reply{}, err
		}
		connect.Primary = true
		refresh.Text = say(words.ButtonContinue)
		widgets := append([]chat.Widget{{Text: say(text)}, buttons(connect, refresh)}, commandWidgets(say)...)
		return cardReply(say(words.HomeTitle), widgets...), nil
	}
	create, err := f.dialogButton(words.FormTitle, openFormButton, e, invocation{Form: createFormName})
	if err != nil {
		return chat.Reply{}, err
	}
	create.Primary = true
	connection, err := f.dialogButton(words.StatusTitle, runButton, e, invocation{Command: myConnection})
	if err != nil {
		return chat.Reply{}, err
	}
	recent, err := f.recentSpaces(ctx, e, c)
	if err != nil {
		return chat.Reply{}, err
	}
	account := chat.Widget{Label: say(words.HomeConnectedAs), Text: c.Email}
	reply := cardReply(say(words.HomeTitle), account, buttons(create, connection, refresh))
	reply.Card.Sections = append(reply.Card.Sections,
		chat.Section{Header: say(words.HomeRecent), Widgets: recent},
		chat.Section{Header: say(words.HelpTitle), Widgets: commandWidgets(say)})
	return reply, nil
}

// recentSpaces lists the newest spaces, or offers the consent for it. An error of Chat doesn't fail the whole Home tab.
func (f function) recentSpaces(ctx context.Context, e chat.Event, c grants.Connection) ([]chat.Widget, error) {
	say := i18n.In(e.Locale)
	if !slices.Contains(c.Allowed, capability.ReadSpaces) {
		wanted := append(slices.Clone(c.Allowed), capability.ReadSpaces)
		allow, err := f.consentButton(ctx, say(words.ButtonAllow), e, wanted...)
		return []chat.Widget{{Text: say(words.HomeRecentNotAllowed)}, buttons(allow)}, err
	}
	found, _, err := f.Spaces.Search(ctx, e.Person.Name, "")
	if _, ok := capability.AsConsentError(err); ok {
		return nil, err // this call found that the grant no longer works
	}
	if err != nil {
		f.logError(ctx, err)
		return []chat.Widget{{Text: say(words.HomeRecentUnknown)}}, nil
	}
	if len(found) == 0 {
		return []chat.Widget{{Text: say(words.ListEmpty)}}, nil
	}
	var out []chat.Widget
	for _, space := range found[:min(maxRecent, len(found))] {
		out = append(out, spaceWidget(say, space))
	}
	return out, nil
}

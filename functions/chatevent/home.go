package chatevent

import (
	"context"
	"slices"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

// recent is how many spaces the Home tab shows.
const recent = 5

// home is the Home tab: how the person is connected, their newest spaces, and
// what to begin with.
func home(ctx context.Context, f function, e chat.Event, _ invocation) (chat.Reply, error) {
	say := i18n.In(e.Locale)
	c, err := f.Grants.Connection(ctx, e.Person.Name)
	if err != nil {
		return chat.Reply{}, err
	}
	again, err := f.button(words.ButtonRefresh, openHome, e, invocation{})
	if err != nil {
		return chat.Reply{}, err
	}
	if !c.Connected || c.SignIn {
		text := words.HomeNotConnected
		if c.SignIn {
			text = words.ConnectSignIn
		}
		connect, err := f.allow(ctx, say(words.ButtonConnect), e, capability.CreateSpaces)
		if err != nil {
			return chat.Reply{}, err
		}
		connect.Strong = true
		again.Text = say(words.ButtonContinue)
		return card(say(words.HomeTitle), append([]chat.Widget{{Text: say(text)}, buttons(connect, again)}, explained(say)...)...), nil
	}
	create, err := f.opener(words.FormTitle, openForm, e, invocation{Form: newSpace})
	if err != nil {
		return chat.Reply{}, err
	}
	create.Strong = true
	mine, err := f.opener(words.StatusTitle, runAgain, e, invocation{Command: myConnection})
	if err != nil {
		return chat.Reply{}, err
	}
	top := []chat.Widget{{Label: say(words.HomeConnectedAs), Text: c.Email}, buttons(create, mine, again)}
	newest, err := f.newest(ctx, e, c)
	if err != nil {
		return chat.Reply{}, err
	}
	reply := card(say(words.HomeTitle), top...)
	reply.Card.Sections = append(reply.Card.Sections, chat.Section{Header: say(words.HomeRecent), Widgets: newest}, chat.Section{Header: say(words.HelpTitle), Widgets: explained(say)})
	return reply, nil
}

// newest are the newest spaces, or the way to see them. That Chat cannot be
// asked keeps nothing else from being shown.
func (f function) newest(ctx context.Context, e chat.Event, c grants.Connection) ([]chat.Widget, error) {
	say := i18n.In(e.Locale)
	if !slices.Contains(c.Allowed, capability.ReadSpaces) {
		allow, err := f.allow(ctx, say(words.ButtonAllow), e, append(slices.Clone(c.Allowed), capability.ReadSpaces)...)
		return []chat.Widget{{Text: say(words.HomeRecentNotAllowed)}, buttons(allow)}, err
	}
	found, _, err := f.Spaces.Search(ctx, e.Person.Name, "")
	if _, consent := capability.Needed(err); consent {
		return nil, err // the grant has just turned out to be dead
	}
	if err != nil {
		f.try(ctx, err)
		return []chat.Widget{{Text: say(words.HomeRecentUnknown)}}, nil
	}
	if len(found) == 0 {
		return []chat.Widget{{Text: say(words.ListEmpty)}}, nil
	}
	var out []chat.Widget
	for _, space := range found[:min(recent, len(found))] {
		out = append(out, chat.Widget{Text: space.DisplayName, Aside: &chat.Button{Text: say(words.ButtonOpen), Link: config.NewSecret(space.Address)}})
	}
	return out, nil
}

package chatevent

import (
	"context"
	"slices"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/words"
)

const maxRecent = 5

// home shows the Home tab: the connection, who else can act as the person, the newest spaces, and the commands.
func home(ctx context.Context, v *view, _ invocation) (chat.Reply, error) {
	c, err := v.Grants.Connection(ctx, v.event.Person.Name)
	if err != nil {
		return chat.Reply{}, err
	}
	refresh := v.button(words.ButtonRefresh, homeButton, invocation{})
	if !c.Connected || c.SignInRequired {
		text, connect := words.HomeNotConnected, v.connectButton(ctx, c)
		if c.SignInRequired {
			text, connect = words.ConnectSignIn, v.reconnectButton(ctx, words.ButtonConnect, c)
		}
		connect.Primary = true
		refresh.Text = v.say(words.ButtonContinue)
		v.text(text)
		v.row(connect, refresh)
		v.add(commandWidgets(v.say)...)
		return v.reply(words.HomeTitle)
	}
	create := v.dialogButton(words.FormTitle, openFormButton, invocation{Form: createFormName})
	create.Primary = true
	connection := v.dialogButton(words.StatusTitle, runButton, invocation{Command: myConnection})
	v.labeled(words.HomeConnectedAs, c.Email)
	v.row(create, connection, refresh)
	if len(c.Approvals) > 0 {
		v.section(words.StatusApproved)
		v.addApprovals(ctx, c.Approvals)
	}
	v.section(words.HomeRecent)
	if err := v.addRecent(ctx, c); err != nil {
		return chat.Reply{}, err
	}
	v.section(words.HelpTitle)
	v.add(commandWidgets(v.say)...)
	return v.reply(words.HomeTitle)
}

// addRecent lists the newest spaces, or offers the consent for it. An error of Chat doesn't fail the whole Home tab.
func (v *view) addRecent(ctx context.Context, c grants.Connection) error {
	if !slices.Contains(c.Allowed, capability.ReadSpaces) {
		v.text(words.HomeRecentNotAllowed)
		if !slices.Contains(c.Refused, capability.ReadSpaces) {
			wish := consent.Wish{Needed: needs(capability.ReadSpaces), Connected: true}
			v.row(v.consentButton(ctx, words.ButtonAllow, wish))
		}
		return nil
	}
	found, _, err := v.Spaces.Search(ctx, v.event.Person.Name, "")
	if _, ok := capability.AsConsentError(err); ok {
		return err // this call found that the grant no longer works
	}
	switch {
	case err != nil:
		v.logError(ctx, err)
		v.text(words.HomeRecentUnknown)
	case len(found) == 0:
		v.text(words.ListEmpty)
	}
	for _, space := range found[:min(maxRecent, len(found))] {
		v.addSpace(space)
	}
	return nil
}

package chatevent

import (
	"context"
	"slices"
	"strings"
	"time"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

// IDs of commands that buttons run. myConnection is the quick command that shows the status as a dialog.
const (
	disconnectCommand = 2
	myConnection      = 102
)

// status shows the person's connection, if any, the callers that they approved, and what these callers did.
func status(ctx context.Context, v *view, _ invocation) (chat.Reply, error) {
	c, err := v.Grants.Connection(ctx, v.event.Person.Name)
	if err != nil {
		return chat.Reply{}, err
	}
	activities, err := v.Vault.Activities(ctx, v.event.Person.Name, activitiesOnCard+1)
	if err != nil {
		return chat.Reply{}, err
	}
	title := words.StatusTitle
	if c.Connected {
		v.addConnected(ctx, c)
	} else {
		title = words.StatusNotConnected
		v.addNotConnected(ctx, c)
	}
	v.section(words.StatusApproved)
	v.addApprovals(ctx, c.Approvals)
	v.section(words.StatusActivity)
	v.addActivities(activities)
	v.section(words.StatusData)
	v.addData()
	return v.reply(title)
}

// addData offers to download or erase what Deputy stores about the person.
func (v *view) addData() {
	link, err := v.Grants.ExportLink(v.event.Person.Name)
	v.keep(err)
	v.text(words.StatusDataText)
	download := chat.Button{Text: v.say(words.ButtonDownload), Link: link}
	v.row(download, v.button(words.ButtonErase, askEraseButton, invocation{}))
}

func (v *view) addNotConnected(ctx context.Context, c grants.Connection) {
	if c.Ended && v.Grants.ClaimEndNotice(ctx, v.event.Person.Name) {
		v.text(words.ConnectEnded)
	}
	v.text(words.StatusNotConnectedText)
	v.row(v.connectButton(ctx, c))
}

func (v *view) addConnected(ctx context.Context, c grants.Connection) {
	v.labeled(words.StatusAccount, c.Email)
	v.addCapabilities(c)
	v.labeled(words.StatusSince, formatTime(v.say, c.Since))
	if c.Via != "" {
		v.text(words.StatusVia, c.Via)
	}
	if !c.Until.IsZero() {
		v.labeled(words.StatusUntil, formatTime(v.say, c.Until))
	}
	if c.SignInRequired {
		v.text(words.ConnectSignIn)
	}
	allow := v.reconnectButton(ctx, words.ButtonReconnect, c)
	rest := without(capability.InChat(), c.Allowed)
	switch {
	case c.SignInRequired:
		allow.Text = v.say(words.ButtonConnect)
	case len(rest) > 0 && len(c.Refused) == 0:
		allow = v.consentButton(ctx, words.ButtonAllowEverything, consent.Wish{Optional: rest, Connected: true})
	}
	v.row(allow, v.button(words.ButtonDisconnect, runButton, invocation{Command: disconnectCommand}))
}

// reconnectButton returns a button that asks again for what the person allowed.
func (v *view) reconnectButton(ctx context.Context, text i18n.Text, c grants.Connection) chat.Button {
	return v.consentButton(ctx, text, consent.Wish{Needed: c.Allowed, Connected: true})
}

// addCapabilities lists the capabilities that the person allowed, declined, and was not asked for.
func (v *view) addCapabilities(c grants.Connection) {
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
		byState[state] = append(byState[state], "• "+v.say(known.Description()))
	}
	for _, state := range []i18n.Text{words.StatusAllowed, words.StatusDeclined, words.StatusNotAsked} {
		v.labeled(state, strings.Join(byState[state], "\n"))
	}
}

func formatTime(say i18n.Say, t time.Time) string { return t.UTC().Format(say(words.TimeLayout)) }

package chatevent

import (
	"context"
	"slices"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

// requestConsent asks for consent after a ConsentError. To a new person in a direct message it returns Chat's own
// prompt, and Chat repeats the command after the consent. In a space, that repetition would publish the command, and
// Chat can't repeat a click. The reply there is a private card with the buttons Connect and Continue. A prompt has no
// text, so the card also replaces it when there is something to say: what else a connected person should allow, and
// why. A submitted form stays open, to be sent again.
func (f function) requestConsent(ctx context.Context, n *capability.ConsentError) (chat.Reply, error) {
	state := stateOf(ctx)
	e, reason := state.event, fault.NoText
	switch {
	case n.SignInRequired:
		reason = words.ConnectSignIn
	case n.Ended && f.Grants.ClaimEndNotice(ctx, e.Person.Name):
		reason = words.ConnectEnded
	}
	prompt := e.Space.Direct && !e.CompletionURL.Empty() && reason == fault.NoText && e.Dialog == chat.NoDialog &&
		!n.Connected
	wish := consent.Wish{
		Needed: n.Capabilities, Optional: usualNeeds(state.retry, n), Connected: n.Connected || n.SignInRequired,
	}
	if prompt {
		wish.Completion = e.CompletionURL
	}
	link, err := f.Consent.InviteInChat(ctx, e.Person.Name, wish)
	if err != nil {
		return chat.Reply{}, fault.Wrap("chatevent.requestConsent", err)
	}
	if prompt {
		return chat.Reply{ConnectURL: link}, nil
	}
	v := f.newView(e)
	title, ask := words.ConnectTitle, connectWords
	if n.Connected {
		title, ask = words.PermissionTitle, permissionWords
		v.addReasons(state.retry, n, wish.Optional)
	}
	allow := chat.Button{Text: v.say(ask.button), Link: link, Primary: true}
	next := ask.next
	retry := v.retryButtons(words.ButtonContinue, state.retry)
	if state.redrawForm != nil {
		next = ask.form
	} else if len(retry) == 0 {
		next = ask.retype
	}
	if reason != fault.NoText {
		next = reason
	}
	v.text(next)
	if state.redrawForm != nil {
		return state.redrawForm(notice{widgets: append(v.out.Card.Sections[0].Widgets,
			chat.Widget{Buttons: []chat.Button{allow}})})
	}
	v.row(append([]chat.Button{allow}, retry...)...)
	return v.reply(title)
}

// consentWords are the texts of a card that asks for a consent: its button, and what the person does next.
type consentWords struct{ button, next, form, retype i18n.Text }

var (
	connectWords    = consentWords{words.ButtonConnect, words.ConnectText, words.ConnectForm, words.ConnectRetype}
	permissionWords = consentWords{
		words.ButtonAllow, words.PermissionNext, words.PermissionForm, words.PermissionRetype,
	}
)

// addReasons says what is missing and why, and what else Google asks for.
func (v *view) addReasons(a attempt, n *capability.ConsentError, optional []capability.Capability) {
	space := "" // only these commands work in the event's space
	if c, ok := findCommand(a.invocation.Command); ok && a.handler == runButton &&
		(c.name == "/invite" || c.name == "/kickoff") {
		space = v.event.Space.DisplayName
	}
	for _, c := range n.Missing {
		v.add(chat.Widget{Text: c.Reason(v.say, space)})
	}
	if len(optional) > 0 {
		text := v.say(words.PermissionAlso)
		for _, c := range optional {
			text += "\n• " + c.Reason(v.say, "")
		}
		v.add(chat.Widget{Text: text})
	}
}

// usualNeeds returns what the buttons and the usual next steps of a command or form need beyond the command itself:
// neither what the person has allowed, nor what they left unselected in the last week.
func usualNeeds(a attempt, n *capability.ConsentError) []capability.Capability {
	var usual []capability.Capability
	if c, ok := findCommand(a.invocation.Command); ok && a.handler == runButton {
		usual = c.needs
	} else if a.invocation.Form == createFormName {
		usual = createNeeds
	}
	if n.SignInRequired { // the grant stays as it is
		return nil
	}
	return without(usual, slices.Concat(n.Capabilities, n.Allowed, n.Refused))
}

func without(all, some []capability.Capability) []capability.Capability {
	return slices.DeleteFunc(slices.Clone(all), func(c capability.Capability) bool { return slices.Contains(some, c) })
}

package chatevent

import (
	"context"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/words"
)

// requestConsent asks for consent after a ConsentError. In a direct message it returns Chat's own prompt, and
// Chat repeats the command after the consent. In a space, that repetition would publish the command, and Chat can't
// repeat a click. The reply there is a private card with the buttons Connect and Continue. The card also replaces the
// prompt when there is a reason to show, since a prompt has no text. A submitted form stays open, to be sent again.
func (f function) requestConsent(ctx context.Context, n *capability.ConsentError) (chat.Reply, error) {
	state := stateOf(ctx)
	e, text, hasReason := state.event, words.ConnectText, false
	switch {
	case n.SignInRequired:
		text, hasReason = words.ConnectSignIn, true
	case n.Ended && f.Grants.ClaimEndNotice(ctx, e.Person.Name):
		text, hasReason = words.ConnectEnded, true
	}
	prompt := e.Space.Direct && !e.CompletionURL.Empty() && !hasReason && e.Dialog == chat.NoDialog
	if !prompt {
		e.CompletionURL = config.Secret{}
	}
	link, err := f.Consent.Invite(ctx, resource.Named(e.Person.Name), e.CompletionURL, n.Capabilities...)
	if err != nil {
		return chat.Reply{}, fault.Wrap("chatevent.requestConsent", err)
	}
	if prompt {
		return chat.Reply{ConnectURL: link}, nil
	}
	v := f.newView(e)
	connect := chat.Button{Text: v.say(words.ButtonConnect), Link: link, Primary: true}
	if state.redrawForm != nil {
		if !hasReason {
			text = words.ConnectForm
		}
		return state.redrawForm(notice{widgets: []chat.Widget{{Text: v.say(text)}, {Buttons: []chat.Button{connect}}}})
	}
	retry := v.retryButtons(words.ButtonContinue, state.retry)
	if len(retry) == 0 && !hasReason {
		text = words.ConnectRetype
	}
	v.text(text)
	v.row(append([]chat.Button{connect}, retry...)...)
	return v.reply(words.ConnectTitle)
}

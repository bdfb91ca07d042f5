package chatevent

import (
	"cmp"
	"context"
	"net/http"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/words"
)

// fail replies to every error. Until the event is verified, the reply is a status without details. After that it is
// always 200 with a card, because Chat shows nothing for other statuses.
func (f function) fail(w http.ResponseWriter, r *http.Request, err error) {
	state := stateOf(r.Context())
	if !state.verified {
		w.WriteHeader(cmp.Or(statuses[fault.KindOf(err)], http.StatusInternalServerError))
		return
	}
	reply, failed := f.errorReply(r.Context(), err)
	if failed == nil {
		failed = f.writeReply(w, state, reply)
	}
	if failed != nil {
		panic(failed) // serve.Endpoint recovers and replies with 500
	}
}

var statuses = map[fault.Kind]int{
	fault.Unauthenticated: http.StatusUnauthorized, fault.Invalid: http.StatusBadRequest,
	fault.Unavailable: http.StatusServiceUnavailable,
}

// warning makes a message stand out among the fields of a form.
const warning = "⚠️ "

// errorReply returns a card for an error, or Chat's own prompt when the person must consent.
func (f function) errorReply(ctx context.Context, err error) (chat.Reply, error) {
	if needs, ok := capability.AsConsentError(err); ok {
		return f.requestConsent(ctx, needs)
	}
	state := stateOf(ctx)
	v := f.newView(state.event)
	text := fault.Public(v.say, err, logging.Reference(ctx))
	if state.redrawForm != nil {
		return state.redrawForm(notice{field: invalidField(err), widgets: []chat.Widget{{Text: warning + text}}})
	}
	v.add(chat.Widget{Text: text})
	if fault.IsTransient(err) {
		v.row(v.retryButtons(words.ButtonTryAgain, state.retry)...)
	}
	return v.reply(words.ErrorTitle)
}

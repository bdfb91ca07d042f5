package chatevent

import (
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
		w.WriteHeader(httpStatus(fault.KindOf(err)))
		return
	}
	reply, failed := f.errorReply(r.Context(), state, err, logging.Reference(r.Context()))
	if failed == nil {
		failed = f.writeReply(w, state, reply)
	}
	if failed != nil {
		panic(failed) // serve.Endpoint recovers and replies with 500
	}
}

func httpStatus(k fault.Kind) int {
	switch k {
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// warning makes a message stand out among the fields of a form.
const warning = "⚠️ "

// errorReply returns a card for an error, or Chat's own prompt when the person must consent.
func (f function) errorReply(ctx context.Context, state *requestState, err error, ref string) (chat.Reply, error) {
	if needs, ok := capability.AsConsentError(err); ok {
		return f.requestConsent(ctx, state, needs)
	}
	v := f.newView(state.event)
	text := fault.Public(v.say, err, ref)
	if state.redrawForm != nil {
		return state.redrawForm(notice{field: invalidField(err), widgets: []chat.Widget{{Text: warning + text}}})
	}
	v.add(chat.Widget{Text: text})
	if fault.IsTransient(err) {
		v.row(v.retryButtons(words.ButtonTryAgain, state.retry)...)
	}
	return v.reply(words.ErrorTitle)
}

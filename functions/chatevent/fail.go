package chatevent

import (
	"context"
	"net/http"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/words"
)

// fail answers every error of the function. Before the event is known to be
// Chat's, by a status without detail; after that always by 200 and a card,
// since Chat shows nothing of other answers.
func (f function) fail(w http.ResponseWriter, r *http.Request, err error) {
	h := of(r.Context())
	if !h.known {
		w.WriteHeader(httpStatus(fault.KindOf(err)))
		return
	}
	reply, rendered := f.explain(r.Context(), h, err, logging.Reference(r.Context()))
	if rendered == nil {
		rendered = f.write(w, h, reply)
	}
	if rendered != nil {
		panic(rendered) // nothing better is left to say: the endpoint answers 500
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

// warning makes a fault stand out among the fields of a form.
const warning = "⚠️ "

// explain is the card, or Chat's own prompt, for an error.
func (f function) explain(ctx context.Context, h *heard, err error, reference string) (chat.Reply, error) {
	if needs, ok := capability.Needed(err); ok {
		return f.ask(ctx, h, needs)
	}
	say := i18n.In(h.event.Locale)
	text := chat.Widget{Text: fault.Public(say, err, reference)}
	if h.form != nil {
		text.Text = warning + text.Text
		return h.form(notice{field: faulty(err), widgets: []chat.Widget{text}})
	}
	if !fault.Passes(err) {
		return card(say(words.ErrorTitle), text), nil
	}
	again, err := f.repeat(words.ButtonTryAgain, h.event, h.tried)
	if err != nil {
		return chat.Reply{}, err
	}
	return card(say(words.ErrorTitle), append([]chat.Widget{text}, row(again)...)...), nil
}

// Package chatevent is the function that Google Chat speaks to: it checks that
// Chat is speaking, picks the command or the click, and answers.
//
// Start at command.go for the table of commands; each has a file of its own.
// What the commands do is in shared/operations, shared/consent and shared/grants.
package chatevent

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/meetings"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/serve"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/vault"
)

const (
	deadline = 25 * time.Second // of a request: Chat waits for 30
	actTime  = 20 * time.Second // of the act in it, so that time is left to answer
)

// Deps are what the function works with; all are required.
type Deps struct {
	App        chat.App
	Verifier   *chat.Verifier // for the app
	Vault      *vault.Vault
	Grants     *grants.Grants
	Consent    *consent.Flow
	Callers    *callers.File // their names, and the operator's templates
	Operations *operations.Operations
	Spaces     *spaces.Spaces
	Meetings   *meetings.Meetings
	Keys       *seal.Keys
	Log        *slog.Logger
	Now        func() time.Time
}

type function struct {
	Deps
	limiter *serve.Limiter
}

// New is the function's handler.
func New(d Deps) http.Handler {
	f := function{d, serve.NewLimiter(serve.MaxInFlight)}
	door := serve.Endpoint{Name: "chatevent", Log: d.Log, Deadline: deadline, Fail: f.fail}.Handler(f.hear)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		door.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), heardKey{}, &heard{})))
	})
}

// heard is the event of a request once it is verified and decoded: from then
// on, even a failure is answered with a card.
type heard struct {
	event  chat.Event
	format chat.Format
	known  bool
	inside bool    // it has a place, for this act and those it leads to
	tried  attempt // for Try again and Continue
	form   redraw  // of the form that was sent, if one was
}

// attempt is an act with what it needs to be done again; the zero attempt is
// none.
type attempt struct {
	act        string
	invocation invocation
}

type heardKey struct{}

func of(ctx context.Context) *heard {
	h, _ := ctx.Value(heardKey{}).(*heard)
	return h
}

// hear answers one request of Chat.
func (f function) hear(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return fault.New(fault.Invalid, i18n.English("Google Chat posts its events here; there is nothing to see."))
	}
	format, err := f.Verifier.Verify(r)
	if err != nil {
		return fault.Wrap("chatevent", err)
	}
	body, err := serve.Body(r)
	if err != nil {
		return fault.Wrap("chatevent", err)
	}
	event, err := chat.Decode(format, body)
	if err != nil {
		return fault.Wrap("chatevent", err)
	}
	h := of(r.Context())
	h.event, h.format, h.known = event, format, true
	logging.Note(r.Context(), slog.String("event", string(event.Kind)), slog.String("person", string(event.Person.Name)), slog.String("space", string(event.Space.Name)))

	ctx, cancel := context.WithTimeout(r.Context(), actTime)
	defer cancel()
	reply, err := f.answer(ctx, event)
	if err != nil {
		return err
	}
	return f.write(w, h, reply) // h.event: a click says where it happened
}

// answer picks what to do.
func (f function) answer(ctx context.Context, e chat.Event) (chat.Reply, error) {
	switch e.Kind {
	case chat.Command:
		return f.run(ctx, e, asked(e))
	case chat.Click:
		if e.Dialog == chat.Cancelled {
			return chat.Reply{}, nil
		}
		return f.click(ctx, e)
	case chat.Home:
		of(ctx).tried = attempt{openHome, invocation{}}
		return f.within(ctx, func() (chat.Reply, error) { return home(ctx, f, e, invocation{}) })
	case chat.Added:
		if e.Space.Direct {
			f.try(ctx, f.Grants.AppReturned(ctx, e.Person.Name))
		}
		return welcome(ctx, f, e)
	case chat.Removed: // no reply is possible
		if e.Space.Direct {
			f.try(ctx, f.Grants.AppRemoved(ctx, e.Person.Name, f.Now()))
		}
		return chat.Reply{}, nil
	case chat.Message:
		return help(ctx, f, e, invocation{})
	default: // something new of Chat's
		return chat.Reply{}, nil
	}
}

// try notes the failure of what the person did not ask for.
func (f function) try(ctx context.Context, err error) {
	if err != nil {
		f.Log.ErrorContext(ctx, "not noted", slog.String("error", err.Error()))
	}
}

func (f function) write(w http.ResponseWriter, h *heard, reply chat.Reply) error {
	body, err := f.App.Encode(h.format, h.event, reply)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, err = w.Write(body) //nolint:gosec // JSON, and Chat is the reader
	return fault.Wrap("chatevent", err)
}

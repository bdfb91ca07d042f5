// Package chatevent is the function that receives Google Chat's events. It verifies that an event comes from Chat, runs
// the command or the clicked button, and replies.
//
// Start at command.go for the table of commands; each has its own file. The work that commands do is in
// shared/operations, shared/consent and shared/grants.
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
	deadline       = 25 * time.Second // of a request; Chat waits for 30
	handlerTimeout = 20 * time.Second // leaves time to reply
)

// Deps are the function's dependencies; all are required.
type Deps struct {
	App        chat.App
	Verifier   *chat.Verifier // of App
	Vault      *vault.Vault
	Grants     *grants.Grants
	Consent    *consent.Flow
	Callers    *callers.File // callers' names and the operator's templates
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

// New returns the function's handler.
func New(d Deps) http.Handler {
	f := function{d, serve.NewLimiter(serve.MaxInFlight)}
	endpoint := serve.Endpoint{
		Name: "chatevent", Log: d.Log, Deadline: deadline,
		Verify: f.verify, WriteError: f.fail,
	}.Handler(f.handleEvent)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		endpoint.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), stateKey{}, &requestState{})))
	})
}

// requestState is the state of a request. Once its event is verified, the reply is always a card, even for a failure.
type requestState struct {
	event      chat.Event
	format     chat.Format
	verified   bool    // event and format are set
	admitted   bool    // the request holds a place of the limiter
	retry      attempt // for the buttons Try again and Continue
	redrawForm redraw  // for the submitted form; nil when there is none
}

// attempt identifies a handler and its input, to run it again. The zero attempt is none.
type attempt struct {
	handler    string // a key of buttonHandlers
	invocation invocation
}

type stateKey struct{}

func stateOf(ctx context.Context) *requestState {
	state, _ := ctx.Value(stateKey{}).(*requestState)
	return state
}

// verify checks that Chat sent a request, and sets the format of its state.
func (f function) verify(r *http.Request) (context.Context, error) {
	if r.Method != http.MethodPost {
		return nil, fault.New(fault.Invalid, i18n.English("This address only receives events from Google Chat."))
	}
	format, err := f.Verifier.Verify(r)
	stateOf(r.Context()).format = format
	return r.Context(), fault.Wrap("chatevent", err)
}

func (f function) handleEvent(w http.ResponseWriter, r *http.Request) error {
	state := stateOf(r.Context())
	body, err := serve.ReadBody(r)
	if err != nil {
		return fault.Wrap("chatevent", err)
	}
	event, err := chat.Decode(state.format, body)
	if err != nil {
		return fault.Wrap("chatevent", err)
	}
	state.event, state.verified = event, true
	logging.AddAttrs(r.Context(), slog.String("event", string(event.Kind)),
		slog.String("person", string(event.Person.Name)), slog.String("space", string(event.Space.Name)))

	ctx, cancel := context.WithTimeout(r.Context(), handlerTimeout)
	defer cancel()
	reply, err := f.dispatch(ctx, event)
	if err != nil {
		return err
	}
	return f.writeReply(w, state, reply) // uses state.event, which handleClick has completed (restoreOrigin)
}

func (f function) dispatch(ctx context.Context, e chat.Event) (chat.Reply, error) {
	if e.Person.Name == "" { // Deputy acts as somebody
		f.Log.WarnContext(ctx, "event without a person")
		return chat.Reply{}, nil
	}
	switch e.Kind {
	case chat.Command:
		return runCommand(ctx, f.newView(e), newInvocation(e))
	case chat.Click:
		if e.Dialog == chat.DialogCancelled {
			return chat.Reply{}, nil
		}
		return f.handleClick(ctx, e)
	case chat.Home:
		stateOf(ctx).retry = attempt{homeButton, invocation{}}
		return f.limitConcurrency(ctx, func() (chat.Reply, error) { return home(ctx, f.newView(e), invocation{}) })
	case chat.Added:
		if e.Space.Direct {
			f.logError(ctx, f.Grants.RecordAppReturned(ctx, e.Person.Name))
		}
		return welcome(ctx, f.newView(e))
	case chat.Removed: // no reply is possible
		if e.Space.Direct {
			f.logError(ctx, f.Grants.RecordAppRemoved(ctx, e.Person.Name, f.Now()))
		}
		return chat.Reply{}, nil
	case chat.Adding:
		return chat.Reply{}, nil
	case chat.Message:
		return answerMessage(ctx, f.newView(e))
	default:
		f.Log.WarnContext(ctx, "unknown event", slog.Any("keys", e.Keys))
		return chat.Reply{}, nil
	}
}

// logError logs the failure of a step that the person didn't ask for. It does nothing for nil.
func (f function) logError(ctx context.Context, err error) {
	if err != nil {
		f.Log.ErrorContext(ctx, "optional step failed", slog.String("error", err.Error()))
	}
}

func (f function) writeReply(w http.ResponseWriter, state *requestState, reply chat.Reply) error {
	body, err := f.App.Encode(state.format, state.event, reply)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, err = w.Write(body) //nolint:gosec // JSON for Chat, not HTML
	return fault.Wrap("chatevent", err)
}

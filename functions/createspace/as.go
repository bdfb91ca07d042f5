package createspace

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"regexp"
	"strings"
	"sync"
	"time"

	"example.com/deputy/functions/createspace/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// act is one operation for a person.
type act struct {
	operation string
	named     string // the person, as the caller named them
	authority string
	space     string // spaces/{id}; may be empty
	key       string // Idempotency-Key; empty for what only reads
	needs     []userauth.Capability
}

// by is the authority that a caller names; the person's own without a word.
func by(named *api.Authority) string { return cmp.Or(string(value(named)), callers.ByUser) }

// done is what came of an act: what it made, and whether there is more to do
// under the same key.
type done struct {
	made       string // resource name; may be empty
	incomplete bool
}

// as does an act as the person whom the caller names: policy first, so that
// nobody learns who is connected; then the act; then its audit line, which also
// goes before it when the person has not given the right themself. A write is
// done once for its key, and its answer kept; request is what it asks for.
func as[T any](ctx context.Context, f function, a act, request any, do func(actor) (T, done, error)) (answer T, incomplete bool, err error) {
	var came done
	var beside sync.WaitGroup
	caller, id, repeated := of(ctx).caller, "", false
	who, err := f.actor(ctx, caller, a)
	if err == nil && a.key != "" {
		id = digest(caller.ID, a.key, of(ctx).what, who.person, a.authority)
		of(ctx).request = id[:32]
	}
	if err == nil && a.authority != callers.ByUser {
		f.line(ctx, a, who.person, "", false, "begun")
	}
	if err == nil && a.key == "" {
		answer, came, err = do(who)
		err = f.consent(ctx, who.person, err)
	} else if err == nil {
		var asked []byte
		if asked, err = json.Marshal(request); err == nil {
			repeated, err = f.once(ctx, id, who.known, digest(string(asked)), &answer, func(try callers.Try) (bool, error) {
				who.source, who.try = "caller "+try.Act, try
				answer, came, err = do(who)
				if unsure := untold(err); err == nil || unsure || partly(err) {
					beside.Go(func() { f.note(ctx, a, who.known, try, came.made, unsure) }) // while the answer is stored
				}
				return !came.incomplete, f.consent(ctx, who.person, err)
			})
		}
	}
	beside.Wait()
	f.audit(ctx, a, who.person, came.made, repeated, err)
	return answer, came.incomplete, err
}

// partly tells that an act that failed had done a part already.
func partly(err error) bool {
	_, partly := errors.AsType[*fault.Partly](err)
	return partly
}

// untold tells that an act may have been done though it failed: no answer came.
func untold(err error) bool {
	return err != nil && !callers.Untouched(err) && !partly(err) && fault.KindOf(err) != fault.RateLimited
}

// final is the answer of an act that is never incomplete.
func final[T any](answer T, _ bool, err error) (T, error) { return answer, err }

// once is do for a request that may be repeated under its key: the answer is
// kept, and given again.
func (f function) once(ctx context.Context, id, person, request string, answer any, do func(callers.Try) (final bool, err error)) (repeated bool, err error) {
	kept, repeated, err := f.Callers.Once(ctx, id, person, request, func(try callers.Try) ([]byte, bool, error) {
		final, err := do(try)
		if err != nil {
			return nil, false, err
		}
		text, err := json.Marshal(answer)
		return text, final, err
	})
	if err != nil || !repeated {
		return repeated, err
	}
	return true, fault.Wrap("createspace.once", json.Unmarshal(kept, answer))
}

// digest is one name for several.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p) // a hash: never fails
	}
	return hex.EncodeToString(h.Sum(nil))
}

// audit writes the line of an act that has ended.
func (f function) audit(ctx context.Context, a act, person, made string, repeated bool, err error) {
	outcome := "ok"
	if err != nil {
		outcome = fault.KindOf(err).String()
	}
	f.line(ctx, a, person, made, repeated, outcome)
}

// line is one audit line (docs/operate.md): who did what as whom, and what came
// of it; no text, no token. By delegation the person is known by address only.
func (f function) line(ctx context.Context, a act, person, made string, repeated bool, outcome string) {
	caller := of(ctx).caller
	f.Log.InfoContext(ctx, "audit", slog.String("act", a.operation), slog.String("authority", cmp.Or(a.authority, callers.ByUser)), slog.String("caller_id", caller.ID),
		slog.String("person", person), slog.String("in", a.space), slog.String("made", made), slog.String("request", of(ctx).request), slog.Bool("repeated", repeated), slog.String("outcome", outcome))
}

// noteTime is for the note of an act, also when the act took all of its time.
const noteTime = 3 * time.Second

// note lets the person see in /status what was done as them, or may have been.
// The act is done whatever comes of this.
func (f function) note(ctx context.Context, a act, person string, try callers.Try, made string, unsure bool) {
	if person == "" {
		return // by delegation for somebody who never connected: there is no /status of theirs
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	caller := of(ctx).caller
	err := f.Auth.Vault.NoteActivity(ctx, person, try.Act[:32], vault.Activity{
		When: try.Began, Caller: cmp.Or(caller.Name, caller.Email), Operation: a.operation, Authority: cmp.Or(a.authority, callers.ByUser), Made: cmp.Or(made, a.space), Unsure: unsure,
	})
	if err != nil {
		f.Log.ErrorContext(ctx, "an activity is not noted", slog.String("person", person), slog.String("error", err.Error()))
	}
}

var (
	userID  = regexp.MustCompile(`^users/[0-9]{1,30}$`)
	groupID = regexp.MustCompile(`^groups/[A-Za-z0-9_-]{1,64}$`)
)

// user is a person's resource name from users/{id} or an e-mail address, which
// Chat takes as users/{e-mail}.
func user(named, field string) (string, error) {
	if userID.MatchString(named) {
		return named, nil
	}
	if a, err := mail.ParseAddress(named); err == nil && a.Address == named && !strings.ContainsAny(named, "/?#%\" ") {
		return "users/" + strings.ToLower(named), nil
	}
	return "", fault.New(fault.Invalid, words.English("%s must be users/{id} with digits only, or a plain e-mail address."), field)
}

// value is what an optional field holds, or the zero value.
func value[T any](p *T) T {
	var none T
	if p == nil {
		return none
	}
	return *p
}

// some is an optional field that holds v, unless v is the zero value.
func some[T comparable](v T) *T {
	var none T
	if v == none {
		return nil
	}
	return &v
}

package createspace

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// act is one operation for a person.
type act struct {
	actions   []string // all that it does; the first names it
	named     string   // the person, as the caller named them
	authority string
	space     string // spaces/{id}; may be empty
	key       string // Idempotency-Key; empty for what only reads
	needs     []capability.Capability
}

// by is the authority that a caller names; the person's own by default.
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
	caller, repeated := of(ctx).caller, false
	q, err := f.request(ctx, a, request)
	if err != nil {
		return answer, false, err
	}
	who, err := f.actor(ctx, caller, a)
	q.Person = who.known
	if err == nil && a.authority != callers.ByUser {
		f.line(ctx, a, who.person, "", false, "begun")
	}
	switch {
	case err != nil && a.key != "" && (fault.KindOf(err) == fault.NeedsApproval):
		// The answer to what was done before is the caller's, whatever the
		// person has done since.
		repeated, err = f.before(ctx, q, &answer, err)
	case err != nil:
	case a.key == "":
		answer, came, err = do(who)
		err = f.consent(ctx, a.named, err)
		f.noteRead(ctx, a, who.known, err)
	default:
		repeated, err = f.once(ctx, q, &answer, func(try operations.Try) (bool, error) {
			who.source, who.try = "caller "+try.Act, try
			answer, came, err = do(who)
			if unsure := untold(err); err == nil || unsure || partly(err) {
				beside.Go(func() { f.note(ctx, a, who.known, try, came.made, unsure) }) // while the answer is stored
			}
			return !came.incomplete, f.consent(ctx, a.named, err)
		})
	}
	beside.Wait()
	f.audit(ctx, a, who.person, came.made, repeated, err)
	return answer, came.incomplete, err
}

// request is what an act asks for, as it is known again: addresses in lower case,
// since they mean the same in any. A key belongs to one request of one caller.
func (f function) request(ctx context.Context, a act, body any) (operations.Request, error) {
	if a.key == "" {
		return operations.Request{}, nil
	}
	text, err := json.Marshal(body)
	var content any
	if err == nil {
		err = json.Unmarshal(text, &content)
	}
	if err == nil {
		text, err = json.Marshal(addressesLowered(content))
	}
	if err != nil {
		return operations.Request{}, fault.Wrap("createspace.request", err)
	}
	caller := of(ctx).caller
	q := operations.Request{
		ID: operations.Digest(caller.ID, a.key), Caller: caller.ID,
		Hash: operations.Digest(personless(of(ctx).what), address.Lower(a.named), a.authority, string(text)),
	}
	of(ctx).request = q.ID[:32]
	return q, nil
}

// personless is the path of a request with its person in lower case: an id of
// Google's has capitals that count.
func personless(what string) string {
	parts := strings.Split(what, "/")
	for i := range parts {
		if strings.Contains(parts[i], "@") || strings.Contains(parts[i], "%40") {
			parts[i] = address.Lower(parts[i])
		}
	}
	return strings.Join(parts, "/")
}

// addressesLowered is a JSON value with what names people in lower case.
func addressesLowered(v any) any {
	switch v := v.(type) {
	case string:
		if strings.Contains(v, "@") && !strings.ContainsAny(v, " \n") {
			return address.Lower(v)
		}
	case []any:
		for i := range v {
			v[i] = addressesLowered(v[i])
		}
	case map[string]any:
		for name := range v {
			if slices.Contains([]string{"actAs", "members"}, name) {
				v[name] = addressesLowered(v[name])
			}
		}
	}
	return v
}

// partly reports whether an act that failed had done a part already.
func partly(err error) bool {
	_, partly := errors.AsType[*fault.Partly](err)
	return partly
}

// untold reports whether an act may have been done though it failed: no answer
// came.
func untold(err error) bool {
	return err != nil && !operations.HadNoEffect(err) && !partly(err) && fault.KindOf(err) != fault.RateLimited
}

// final is the answer of an act that is never incomplete.
func final[T any](answer T, _ bool, err error) (T, error) { return answer, err }

// once is do for a request that may be repeated under its key: the answer is
// kept, and given again.
func (f function) once(ctx context.Context, q operations.Request, answer any, do func(operations.Try) (final bool, err error)) (repeated bool, err error) {
	kept, repeated, err := f.Operations.Once(ctx, q, func(try operations.Try) ([]byte, bool, error) {
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

// before is the stored answer to a request, if it was done before; else what
// says that it may not be done now.
func (f function) before(ctx context.Context, q operations.Request, answer any, refused error) (repeated bool, err error) {
	kept, err := f.Operations.Result(ctx, q)
	switch {
	case err != nil:
		return false, err
	case kept == nil:
		return false, refused
	}
	return true, fault.Wrap("createspace.before", json.Unmarshal(kept, answer))
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
	f.Log.InfoContext(ctx, "audit", slog.String("act", a.actions[0]), slog.String("authority", cmp.Or(a.authority, callers.ByUser)), slog.String("caller_id", caller.ID),
		slog.String("person", person), slog.String("in", a.space), slog.String("made", made), slog.String("request", of(ctx).request), slog.Bool("repeated", repeated), slog.String("outcome", outcome))
}

// noteTime is for the note of an act, also when the act took all of its time.
const noteTime = 3 * time.Second

// note lets the person see in /status what was done as them, or may have been.
// The act is done whatever comes of this.
func (f function) note(ctx context.Context, a act, person string, try operations.Try, made string, unsure bool) {
	f.noteAs(ctx, a, person, try.Act[:32], vault.Activity{When: try.Began, Made: cmp.Or(made, a.space), Unsure: unsure})
}

// noteRead lets the person see in /status that a system read as them: once an
// hour for each system and action.
func (f function) noteRead(ctx context.Context, a act, person string, err error) {
	if err != nil || person == "" {
		return
	}
	hour := f.Now().UTC().Truncate(time.Hour)
	id := operations.Digest("read", of(ctx).caller.ID, person, a.actions[0], cmp.Or(a.authority, callers.ByUser), hour.String())[:32]
	if known, _ := f.reads.ContainsOrAdd(id, struct{}{}); !known {
		f.noteAs(ctx, a, person, id, vault.Activity{When: hour})
	}
}

func (f function) noteAs(ctx context.Context, a act, person, id string, done vault.Activity) {
	if person == "" {
		return // by delegation for somebody who never connected: there is no /status of theirs
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	done.Caller, done.Action, done.Authority = of(ctx).caller.Name, a.actions[0], cmp.Or(a.authority, callers.ByUser)
	err := fault.Catch(func() error { return f.Auth.Vault.NoteActivity(ctx, person, id, done) })
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
		return "users/" + address.Lower(named), nil
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

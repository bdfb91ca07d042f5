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
	"time"

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
	space     string // spaces/{id}; may be empty
	key       string // Idempotency-Key; empty for what only reads
	needs     []userauth.Capability
}

// done is what came of an act: what it made, and whether there is more to do
// under the same key.
type done struct {
	made       string // resource name; may be empty
	incomplete bool
}

// as does an act as the person whom the caller names: policy first, so that
// nobody learns who is connected; then the act; then its audit line. A write is
// done once for its key, and its answer kept; request is what it asks for. do
// gets the source for Google's requestId: the same for the same request.
func as[T any](ctx context.Context, f function, a act, request any, do func(person, source string) (T, done, error)) (answer T, incomplete bool, err error) {
	var came done
	caller, id, repeated := of(ctx).caller, "", false
	person, err := f.person(ctx, caller, a)
	if err == nil && a.key == "" {
		answer, came, err = do(person, "")
		err = f.consent(ctx, person, err)
	} else if err == nil {
		id = digest(caller.ID, a.key, of(ctx).what, person, "user")
		var asked []byte
		if asked, err = json.Marshal(request); err == nil {
			repeated, err = f.once(ctx, id, person, digest(string(asked)), &answer, func() (bool, error) {
				answer, came, err = do(person, "caller "+digest(id, string(asked)))
				return !came.incomplete, f.consent(ctx, person, err)
			})
		}
	}
	f.audit(ctx, a, person, came.made, repeated, err)
	_, partly := errors.AsType[*fault.Partly](err)
	if id != "" && !repeated && (err == nil || partly) {
		f.note(ctx, caller, a, person, id, came.made)
	}
	return answer, came.incomplete, err
}

// final is the answer of an act that is never incomplete.
func final[T any](answer T, _ bool, err error) (T, error) { return answer, err }

// once is try for a request that may be repeated under its key: the answer is
// kept, and given again.
func (f function) once(ctx context.Context, id, person, request string, answer any, try func() (final bool, err error)) (repeated bool, err error) {
	kept, repeated, err := f.Callers.Once(ctx, id, person, request, func(again bool) ([]byte, bool, error) {
		of(ctx).again = again
		final, err := try()
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

// audit writes the one line of an act.
func (f function) audit(ctx context.Context, a act, person, made string, repeated bool, err error) {
	outcome := "ok"
	if err != nil {
		outcome = fault.KindOf(err).String()
	}
	caller := of(ctx).caller
	f.Log.InfoContext(ctx, "audit", slog.String("act", a.operation), slog.String("authority", "user"), slog.String("caller_id", caller.ID),
		slog.String("person", person), slog.String("in", a.space), slog.String("made", made), slog.Bool("repeated", repeated), slog.String("outcome", outcome))
}

// noteTime is for the note of an act, also when the act took all of its time.
const noteTime = 3 * time.Second

// note lets the person see in /status what was done as them. The act is done
// whatever comes of this.
func (f function) note(ctx context.Context, caller vault.Caller, a act, person, id, made string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	err := f.Auth.Vault.NoteActivity(ctx, person, id[:32], vault.Activity{
		When: f.Now(), Caller: cmp.Or(caller.Name, caller.Email), Operation: a.operation, Authority: "user", Made: cmp.Or(made, a.space),
	})
	if err != nil {
		f.Log.ErrorContext(ctx, "an activity is not noted", slog.String("person", person), slog.String("error", err.Error()))
	}
}

// person is whom the caller names, if its record lets it do the act for them,
// and they have approved that: in this order, so that nobody learns who is
// connected.
func (f function) person(ctx context.Context, caller vault.Caller, a act) (string, error) {
	who, err := f.allowed(ctx, caller, a.operation, a.named)
	if err != nil {
		return "", err
	}
	approved := false
	if who.Person != "" {
		if approved, err = f.Callers.Approved(ctx, caller, who.Person, a.operation); err != nil {
			return "", err
		}
	}
	if !approved {
		return "", f.approval(ctx, caller, a)
	}
	return who.Person, nil
}

// approval puts an invitation into a NeedsApproval: one link asks for the
// consent and for the approval.
func (f function) approval(ctx context.Context, caller vault.Caller, a act) error {
	link, inviting := f.Auth.InviteToApprove(ctx, a.named, userauth.Wish{Caller: caller.ID, Operations: []string{a.operation}}, a.needs...)
	if inviting != nil {
		return inviting
	}
	return &fault.Error{
		Op: "createspace.approval", Kind: fault.NeedsApproval, Err: &invited{link, &userauth.Needs{Capabilities: a.needs, Missing: a.needs}},
		Public: words.English("This person has not approved that yet. Pass the invitation on to them; only they can use it."),
	}
}

// allowed is the person a caller names, if its record lets it do an operation
// for them. Person is empty for an address that nobody has connected with. Of
// somebody named by id, the domain counts that they had when they approved this
// caller: whether they are connected is not told.
func (f function) allowed(ctx context.Context, caller vault.Caller, operation, named string) (callers.Subject, error) {
	name, err := user(named, "actAs")
	if err != nil {
		return callers.Subject{}, err
	}
	who := callers.Subject{Named: named}
	if email := strings.TrimPrefix(name, "users/"); strings.Contains(email, "@") {
		who.Domain = email[strings.LastIndex(email, "@")+1:]
		who.Person, err = f.Auth.Find(ctx, email)
	} else {
		who.Person = name
		var a vault.Approval
		a, err = f.Auth.Vault.Approval(ctx, name, caller.ID)
		who.Domain = a.Domain
	}
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return callers.Subject{}, err
	}
	return who, callers.Allow(caller, operation, who)
}

// consent puts an invitation into a NeedsConsent: the caller may pass it on,
// and only that person can use it.
func (f function) consent(ctx context.Context, named string, err error) error {
	needs, ok := userauth.Needed(err)
	if !ok {
		return err
	}
	link, inviting := f.Auth.Invite(ctx, named, "", needs.Capabilities...)
	if inviting != nil {
		return inviting
	}
	return &fault.Error{
		Op: "createspace.consent", Kind: fault.NeedsConsent, Err: &invited{link, needs},
		Public: words.English("This person has to connect first. Pass the invitation on to them; only they can use it."),
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

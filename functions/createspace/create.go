package createspace

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/mail"
	"regexp"
	"strings"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/serve"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// createRequest is the body of POST /v1/spaces.
type createRequest struct {
	ActAs       string   `json:"actAs"` // users/{id} or e-mail
	DisplayName string   `json:"displayName"`
	SpaceType   string   `json:"spaceType"` // SPACE
	Members     []string `json:"members"`   // users/{id} or e-mail
}

// createAnswer is the body of its 201.
type createAnswer struct {
	Name        string         `json:"name"` // spaces/{id}
	DisplayName string         `json:"displayName"`
	Address     string         `json:"address"` // for a browser
	Members     []memberAnswer `json:"members"`
}

type memberAnswer struct {
	Member string `json:"member"` // as the request named them
	State  string `json:"state"`  // JOINED, INVITED, LEFT_OUT or UNCHECKED
}

// create makes a space as a person. The caller, its key and the request make
// the act: repeated, they give the same space.
func (f function) create(w http.ResponseWriter, r *http.Request) error {
	caller, err := f.Callers.Verify(r)
	if err != nil {
		return err
	}
	logging.Note(r.Context(), slog.String("caller", caller.Email))
	key := r.Header.Get("Idempotency-Key")
	if len(r.Header.Values("Idempotency-Key")) != 1 || len(key) < 8 || len(key) > 255 {
		return fault.New(fault.Invalid, words.English("Send one Idempotency-Key header of 8 to 255 characters, the same when you repeat the request."))
	}
	if r.URL.RawQuery != "" {
		return fault.New(fault.Invalid, words.English("This operation takes no query parameters."))
	}
	in, err := read(r)
	if err != nil {
		return err
	}
	request, err := in.space()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), actTime)
	defer cancel()
	person, err := f.person(ctx, caller, in.ActAs, request)
	if err != nil {
		return err
	}
	made, err := f.Spaces.Create(ctx, person, "caller "+caller.ID+" "+key, request)
	if err != nil {
		return f.consent(ctx, person, err)
	}
	f.Log.InfoContext(ctx, "audit", slog.String("act", callers.CreateSpaces), slog.String("authority", "user"),
		slog.String("person", person), slog.String("made", made.Name), slog.String("request", made.RequestID))
	// The space is there, and a repetition notes it again.
	if err := f.Auth.Vault.NoteActivity(ctx, person, made.RequestID, vault.Activity{
		When: f.Now(), Caller: cmp.Or(caller.Name, caller.Email), Operation: callers.CreateSpaces, Authority: "user", Made: made.Name,
	}); err != nil {
		f.Log.ErrorContext(ctx, "an activity is not noted", slog.String("person", person), slog.String("error", err.Error()))
	}
	return write(w, http.StatusCreated, answerOf(made, request))
}

// read reads the body; what the API does not know is refused, so that nothing
// mistyped is silently left out.
func read(r *http.Request) (createRequest, error) {
	var in createRequest
	body, err := serve.Body(r)
	if err != nil {
		return in, err
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	err = decoder.Decode(&in)
	if err == nil && decoder.Decode(&struct{}{}) != io.EOF {
		err = errors.New("more than one value")
	}
	if err != nil {
		return in, &fault.Error{
			Op: "createspace.read", Kind: fault.Invalid, Err: errors.New("not the JSON object of this operation"),
			Public: words.English("The body must be one JSON object with actAs, displayName, spaceType and members, and nothing else: %v"), Args: []any{err},
		}
	}
	return in, nil
}

// space is the request as shared/spaces has it.
func (in createRequest) space() (spaces.Request, error) {
	if in.SpaceType != "" && in.SpaceType != "SPACE" {
		return spaces.Request{}, fault.New(fault.Invalid, words.English("spaceType must be SPACE."))
	}
	out := spaces.Request{DisplayName: in.DisplayName}
	for _, m := range in.Members {
		name, err := user(m, "members")
		if err != nil {
			return out, err
		}
		out.Members = append(out.Members, spaces.Member{User: name, Label: m})
	}
	return out.Checked("")
}

// person is whom the caller names, if it may act for them.
func (f function) person(ctx context.Context, caller vault.Caller, named string, r spaces.Request) (string, error) {
	name, err := user(named, "actAs")
	if err != nil {
		return "", err
	}
	who := callers.Subject{Named: named}
	if email := strings.TrimPrefix(name, "users/"); strings.Contains(email, "@") {
		who.Domain = email[strings.LastIndex(email, "@")+1:]
		who.Person, err = f.Auth.Find(ctx, email)
	} else {
		who.Person = name
		var c userauth.Connection
		c, err = f.Auth.Connection(ctx, name)
		who.Domain = c.Domain
	}
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return "", err
	}
	if err := callers.Allow(caller, callers.CreateSpaces, who); err != nil {
		return "", err
	}
	if who.Person == "" {
		return "", f.consent(ctx, named, userauth.Unknown(r.Needed()...))
	}
	return who.Person, nil
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

var userID = regexp.MustCompile(`^users/[0-9]{1,30}$`)

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

func answerOf(made spaces.Created, r spaces.Request) createAnswer {
	out := createAnswer{Name: made.Name, DisplayName: made.DisplayName, Address: made.Address, Members: []memberAnswer{}}
	add := func(state string, members []spaces.Member) {
		for _, m := range members {
			out.Members = append(out.Members, memberAnswer{m.Label, state})
		}
	}
	if made.Unchecked {
		add("UNCHECKED", r.Members)
		return out
	}
	add("JOINED", made.Joined)
	add("INVITED", made.Invited)
	add("LEFT_OUT", made.LeftOut)
	return out
}

package callers_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/words"
)

const (
	audience       = "https://deputy.example.com/api"
	secondAudience = "https://deputy-hash-ew.a.run.app"
	ciAccount      = "ci@tools.iam.gserviceaccount.com"
	ciSubject      = "109000000000000000001"
)

// world is an API that authenticates callers, and Google as the signer of their tokens.
type world struct {
	*callers.Authenticator
	emulator *google.Server
	server   *httptest.Server
	store    *memoryStore
	now      time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{now: time.Now(), store: &memoryStore{text: valid}}
	clock := func() time.Time { return w.now }
	w.emulator = google.New(google.Config{Now: clock})
	w.server = httptest.NewServer(w.emulator.Handler())
	t.Cleanup(w.server.Close)
	keys := googleauth.NewKeySet(w.server.URL+"/oauth2/v3/certs", http.DefaultTransport, clock)
	file := callers.NewFile(w.store, logging.NewText(&strings.Builder{}), clock)
	w.Authenticator = callers.NewAuthenticator(keys, file, clock, audience, secondAudience)
	return w
}

// token returns an ID token of the caller ci, with some claims changed.
func (w *world) token(changed map[string]any) string {
	claims := map[string]any{
		"iss": "https://accounts.google.com", "aud": audience, "sub": ciSubject, "email": ciAccount,
		"email_verified": true, "iat": w.now.Unix(), "exp": w.now.Add(time.Hour).Unix(),
	}
	maps.Copy(claims, changed)
	return w.emulator.SignGoogle(claims)
}

func (w *world) verify(authorization ...string) (callers.Caller, error) {
	r := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
	for _, value := range authorization {
		r.Header.Add("Authorization", value)
	}
	return w.Verify(r)
}

func TestVerify_Token(t *testing.T) {
	const none = fault.Kind(-1)
	w := newWorld(t)
	ok := "Bearer " + w.token(nil)
	with := func(claim string, value any) []string {
		return []string{"Bearer " + w.token(map[string]any{claim: value})}
	}
	with2 := func(claim string, value any, other string, otherValue any) []string {
		return []string{"Bearer " + w.token(map[string]any{claim: value, other: otherValue})}
	}
	for name, c := range map[string]struct {
		authorization []string
		want          fault.Kind
	}{
		"valid":                {[]string{ok}, none},
		"no header":            {nil, fault.Unauthenticated},
		"two headers":          {[]string{ok, ok}, fault.Unauthenticated},
		"other scheme":         {[]string{"Basic " + w.token(nil)}, fault.Unauthenticated},
		"no scheme":            {[]string{w.token(nil)}, fault.Unauthenticated},
		"not a token":          {[]string{"Bearer x"}, fault.Unauthenticated},
		"second audience":      {with("aud", secondAudience), none},
		"other audience":       {with("aud", "https://evil.example"), fault.Unauthenticated},
		"two audiences":        {with("aud", []string{audience, "https://evil.example"}), fault.Unauthenticated},
		"without email":        {with("email", nil), none},
		"email, other sub":     {with2("email", nil, "sub", "109000000000000000009"), fault.Unauthenticated},
		"no sub":               {with2("email", nil, "sub", nil), fault.Unauthenticated},
		"expired":              {with("exp", w.now.Unix()-1), fault.Unauthenticated},
		"address not verified": {with("email_verified", false), fault.Unauthenticated},
		"personal account":     {with("email", "ada@example.com"), fault.Unauthenticated},
		"look-alike domain":    {with("email", ciAccount+".evil.example"), fault.Unauthenticated},
		"unknown account":      {with("email", "x@tools.iam.gserviceaccount.com"), fault.Denied},
		"reused address":       {with("sub", "109000000000000000002"), fault.Denied},
	} {
		got, err := w.verify(c.authorization...)
		if c.want == none {
			if err != nil || got.ID != "ci" {
				t.Errorf("%s: %q, %v", name, got.ID, err)
			}
			continue
		}
		if fault.KindOf(err) != c.want || got.ID != "" {
			t.Errorf("%s: %q, %v, want %v", name, got.ID, err, c.want)
		}
		text := fault.Public(i18n.In("en"), err, "")
		if asks := strings.Contains(text, "ID token"); asks != (c.want == fault.Unauthenticated) {
			t.Errorf("%s: the caller reads %q", name, text)
		}
	}
	// The log names an account that the file does not list.
	got, _ := w.verify(with("sub", "109000000000000000002")...)
	if diff := cmp.Diff(callers.Caller{UniqueID: "109000000000000000002"}, got); diff != "" {
		t.Error(diff)
	}
}

// A caller that gets a 401 reads which part of the token is wrong, and which token to send.
func TestVerify_Reasons(t *testing.T) {
	w := newWorld(t)
	bearer := func(changed map[string]any) []string { return []string{"Bearer " + w.token(changed)} }
	unsigned := w.token(nil)
	unsigned = unsigned[:strings.LastIndex(unsigned, ".")]
	for name, c := range map[string]struct {
		authorization []string
		want          string
	}{
		"no header":      {nil, "no Authorization header"},
		"two headers":    {[]string{"Bearer a", "Bearer b"}, "more than one Authorization header"},
		"basic":          {[]string{"Basic YTpi"}, "doesn't start with Bearer"},
		"empty token":    {[]string{"Bearer"}, "no token behind Bearer"},
		"access token":   {[]string{"Bearer ya29.a0AfH6SM"}, "an access token"},
		"not a JWT":      {[]string{"Bearer x"}, "isn't an ID token"},
		"another signer": {[]string{"Bearer " + unsigned + ".c2lnbmF0dXJl"}, "Google's keys don't verify"},
		"removed":        {[]string{"Bearer " + unsigned + ".SIGNATURE_REMOVED_BY_GOOGLE"}, "Cloud Run removed"},
		"expired":        {bearer(map[string]any{"exp": w.now.Unix() - 1}), "has expired"},
		"future":         {bearer(map[string]any{"iat": w.now.Unix() + 900}), "issued in the future"},
		"issuer":         {bearer(map[string]any{"iss": "https://token.example"}), "isn't issued by"},
		"slash":          {bearer(map[string]any{"aud": audience + "/"}), `another audience, "` + audience + `/"`},
		"task":           {bearer(map[string]any{"aud": audience + "/v1/sweep"}), "another audience"},
		"gcloud":         {bearer(map[string]any{"aud": "3.apps.googleusercontent.com"}), "token is of a person"},
		"person":         {bearer(map[string]any{"email": "ada@example.com"}), "the token of a person"},
		"no email": {
			bearer(map[string]any{"email": nil, "sub": "109000000000000000009"}),
			"no email claim, and no caller has its unique ID, 109000000000000000009",
		},
	} {
		_, err := w.verify(c.authorization...)
		text := fault.Public(i18n.In("en"), err, "")
		if fault.KindOf(err) != fault.Unauthenticated || !strings.Contains(text, c.want) ||
			!strings.Contains(text, "with the audience "+audience+" or "+secondAudience) {
			t.Errorf("%s: %q", name, text)
		}
		if strings.Contains(text, ciAccount) || strings.Contains(text, ciSubject) {
			t.Errorf("%s tells about another caller: %q", name, text)
		}
	}
}

func TestVerify_File(t *testing.T) {
	twice := "  - {id: b, kind: service-account, email: " + ciAccount + ", name: B}\ntemplates:"
	onlyID := strings.Replace(valid, "    email: CI@tools.iam.gserviceaccount.com\n", "", 1)
	for name, c := range map[string]struct {
		text   string
		caller string // as the log names it
		want   fault.Kind
	}{
		"caller paused": {strings.Replace(valid, "    name:", "    paused: true\n    name:", 1), "ci", fault.Denied},
		"all paused":    {"paused: true\n" + valid, "ci", fault.Denied},
		"ambiguous":     {strings.Replace(onlyID, "templates:", twice, 1), "", fault.Denied},
		"empty":         {"", "", fault.Denied},
		"not YAML":      {"callers: [", "", fault.Unavailable},
	} {
		w := newWorld(t)
		w.store.set(c.text, nil)
		if got, err := w.verify("Bearer " + w.token(nil)); fault.KindOf(err) != c.want || got.ID != c.caller {
			t.Errorf("%s: %q, %v, want %v", name, got.ID, err, c.want)
		}
	}
}

func TestVerify_KeysUnavailable(t *testing.T) {
	w := newWorld(t)
	w.server.Close()
	if got, err := w.verify("Bearer " + w.token(nil)); fault.KindOf(err) != fault.Unavailable || got.ID != "" {
		t.Errorf("%q, %v", got.ID, err)
	}
}

func TestVerify_RateLimited(t *testing.T) {
	w := newWorld(t)
	w.store.set(strings.Replace(valid, "    name:", "    rate: 2\n    name:", 1), nil)
	for i, want := range []bool{true, true, false} {
		got, err := w.verify("Bearer " + w.token(nil))
		if (err == nil) != want || err != nil && fault.KindOf(err) != fault.RateLimited || got.ID != "ci" {
			t.Errorf("request %d: %q, %v", i, got.ID, err)
		}
	}
	w.now = w.now.Add(30 * time.Second)
	if _, err := w.verify("Bearer " + w.token(nil)); err != nil {
		t.Errorf("after half a minute: %v", err)
	}
}

func TestAllowAction(t *testing.T) {
	c := callers.Caller{Actions: []string{callers.Sweep}}
	if err := c.AllowAction(callers.Sweep); err != nil {
		t.Error(err)
	}
	err := c.AllowAction(callers.ReadTemplates)
	if fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "templates.read") {
		t.Errorf("got %v", err)
	}
	if err := (callers.Caller{}).AllowAction(""); fault.KindOf(err) != fault.Denied {
		t.Errorf("no action: %v", err)
	}
}

// People read the names of the actions that need their approval, and only of those.
func TestActionText(t *testing.T) {
	var without []string
	seen := map[i18n.Text]string{}
	for _, action := range callers.Actions() {
		text := callers.ActionText(action)
		if text == fault.NoText {
			without = append(without, action)
			continue
		}
		if twin := seen[text]; twin != "" {
			t.Errorf("%s and %s have the same text", action, twin)
		}
		seen[text] = action
	}
	want := []string{
		callers.ReadPeople, callers.InvitePeople, callers.ConnectPeople, callers.DisconnectPeople,
		callers.ReadTemplates, callers.WriteTemplates, callers.Sweep,
	}
	if diff := cmp.Diff(want, without); diff != "" {
		t.Error(diff)
	}
	if got := callers.ActionText(callers.DeleteSpaces); got != words.CapabilityDeleteSpaces {
		t.Errorf("got %v", got)
	}
}

// What a link asks for beside the request deletes nothing, and is what the operator allows.
func TestLikely(t *testing.T) {
	for _, action := range callers.Actions() {
		if callers.ActionText(action) != (i18n.Text{}) && len(capability.ForActions(false, action)) == 0 {
			t.Errorf("%s needs nothing", action)
		}
		all := callers.Caller{Actions: callers.Actions()}.Likely(action)
		if slices.Contains(all, callers.DeleteSpaces) != (action == callers.DeleteSpaces) ||
			!slices.Contains(all, action) {
			t.Errorf("%s: %v", action, all)
		}
		if few := (callers.Caller{Actions: []string{action}}).Likely(action); len(few) != 1 {
			t.Errorf("%s: more than the file allows: %v", action, few)
		}
	}
}

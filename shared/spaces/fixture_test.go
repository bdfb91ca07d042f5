package spaces_test

import (
	"regexp"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/googletest"
	"example.com/deputy/internal/seed"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/spaces"
)

// The emulated people. Kim is outside the organization.
var ada, grace, alan, kim = google.People()[0], google.People()[1], google.People()[2], google.People()[3]

var adaName = resource.Person(ada.User())

// team is the space that has everyone.
const team = resource.SpaceName("spaces/AAAAteam")

const oncall = "groups/02oncall"

// fixture is Spaces at an emulated Google.
type fixture struct {
	*spaces.Spaces
	google *googletest.Google
	actor  *googletest.Actor
}

// inBubble runs a test in a synctest bubble, where pauses take no time.
func inBubble(t *testing.T, test func(*testing.T, fixture)) {
	t.Helper()
	inBubbleSeeded(t, seed.Get(t), test)
}

// inFriendlyBubble runs a test that counts requests: Google answers with whole pages and all fields.
func inFriendlyBubble(t *testing.T, test func(*testing.T, fixture)) {
	t.Helper()
	inBubbleSeeded(t, 0, test)
}

func inBubbleSeeded(t *testing.T, strict uint64, test func(*testing.T, fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := googletest.New(google.Config{AppName: "Deputy", Strict: strict})
		actor := &googletest.Actor{Google: g}
		urls := spaces.Endpoints{Chat: googletest.URL + "/", Identity: googletest.URL + "/"}
		s, err := spaces.New(t.Context(), actor, newKeys(t), urls, g)
		if err != nil {
			t.Fatal(err)
		}
		test(t, fixture{s, g, actor})
	})
}

func newKeys(t *testing.T) *seal.Keys {
	t.Helper()
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.New(keyset, lookup, "p", "c")
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

var requestIDs = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)

var messageIDs = regexp.MustCompile(`client-[0-9a-f]{24}-[0-9a-f]{24}`)

// requests returns the requests since the last call, with ID in place of each requestId and of a message's own ID.
func (f fixture) requests() []string {
	out := f.google.TakeRequests()
	for i := range out {
		out[i] = messageIDs.ReplaceAllString(requestIDs.ReplaceAllString(out[i], "ID"), "client-ID")
	}
	return out
}

// mustCreate creates a space of Ada with a name.
func (f fixture) mustCreate(t *testing.T, r spaces.Request) spaces.CreatedSpace {
	t.Helper()
	out, err := f.Create(t.Context(), adaName, resource.Key("create "+r.DisplayName), r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// space returns a space as Google stores it.
func (f fixture) space(t *testing.T, name resource.SpaceName) google.Space {
	t.Helper()
	for _, p := range google.People() {
		for _, s := range f.google.SpacesOf(p) {
			if s.Name() == string(name) {
				return s
			}
		}
	}
	t.Fatalf("no space %s", name)
	return google.Space{}
}

// sameMembers compares outcomes without what Google may omit: names, and the ids of those whose address is listed.
var sameMembers = cmp.Options{
	cmpopts.IgnoreFields(spaces.Member{}, "Label"), cmpopts.IgnoreFields(spaces.Outcome{}, "IDs"),
}

func member(p google.Person) spaces.Member { return spaces.Member{User: p.User(), Label: p.Name} }

// byEmail is a member named by email address.
func byEmail(email string) spaces.Member { return spaces.Member{User: "users/" + email, Label: email} }

// wantKind checks the kind of an error.
func wantKind(t *testing.T, what string, err error, want fault.Kind) {
	t.Helper()
	if err == nil || fault.KindOf(err) != want {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

// failing makes every attempt of the next call of a method fail.
func (f fixture) failing(method string, status int) {
	f.google.Fail(method, status, status, status, status)
}

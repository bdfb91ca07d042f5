package spaces

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/googleapi"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
)

const variants = "89ab" // of a UUID (RFC 9562)

func TestRequestID(t *testing.T) {
	a, b, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.New(a, b, "p", "c")
	if err != nil {
		t.Fatal(err)
	}
	id := func(person resource.Person, key resource.Key, name string, members ...string) string {
		r := Request{DisplayName: name}
		for _, m := range members {
			r.Members = append(r.Members, Member{User: m, Label: "any label " + string(key)})
		}
		out, err := r.id(keys, person, key)
		if err != nil || len(out) != 36 || out[14] != '8' || !strings.ContainsRune(variants, rune(out[19])) {
			t.Fatalf("%q, %v", out, err)
		}
		return out
	}
	first := id("users/1", "m1", "Plan", "users/2")
	if again := id("users/1", "m1", "Plan", "users/2"); again != first {
		t.Errorf("got %s and %s", first, again)
	}
	seen := map[string]string{first: "the first"}
	for name, other := range map[string]string{
		"other_person":     id("users/2", "m1", "Plan", "users/2"),
		"other_message":    id("users/1", "m2", "Plan", "users/2"),
		"other_name":       id("users/1", "m1", "Plans", "users/2"),
		"other_member":     id("users/1", "m1", "Plan", "users/3"),
		"no_member":        id("users/1", "m1", "Plan"),
		"moved_boundaries": id("users/1", "m1P", "lan", "users/2"),
	} {
		if twin, ok := seen[other]; ok {
			t.Errorf("%s has the id of %s", name, twin)
		}
		seen[other] = name
	}
}

func TestRequest_Normalize(t *testing.T) {
	members := []Member{{"users/1", "me"}, {"users/2", "Grace"}, {"users/2", "Grace again"}}
	got, err := Request{DisplayName: "  Launch \n plan ", Members: members}.Normalize("users/1")
	want := Request{DisplayName: "Launch plan", Members: []Member{{"users/2", "Grace"}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	many := Request{DisplayName: "x"}
	for i := range 50 {
		many.Members = append(many.Members, Member{User: "users/" + strings.Repeat("9", i+1)})
	}
	for name, r := range map[string]Request{
		"no_name": {}, "blanks": {DisplayName: " \t"}, "50_people": many,
		"129_characters": {DisplayName: strings.Repeat("ä", 129)},
	} {
		if _, err := r.Normalize("users/1"); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := (Request{DisplayName: strings.Repeat("ä", 128)}).Normalize("users/1"); err != nil {
		t.Errorf("128 characters: %v", err)
	}
}

// Google's messages stay out of the log.
func TestChatAPI_Errors(t *testing.T) {
	for status, want := range map[int]fault.Kind{
		400: fault.Invalid, 401: fault.NeedsConsent, 403: fault.Denied, 404: fault.NotFound,
		429: fault.RateLimited, 500: fault.Unavailable, 503: fault.Unavailable,
		409: fault.Unavailable, // not every 409 is a taken name
	} {
		err := withTakenName("taken", chatTexts.Fault("op", &googleapi.Error{Code: status, Message: "marked"}))
		if fault.KindOf(err) != want || strings.Contains(err.Error(), "marked") {
			t.Errorf("%d: got %v", status, err)
		}
	}
	taken := &googleapi.Error{Code: 409, Message: "marked", Body: `{"error":{"status":"ALREADY_EXISTS"}}`}
	want := `A space named "Plan" already exists in your organization. Choose another name.`
	err := withTakenName("Plan", chatTexts.Fault("op", taken))
	if fault.KindOf(err) != fault.Conflict || fault.Public(i18n.In("en"), err, "") != want {
		t.Errorf("taken: %v", err)
	}
	err = chatTexts.Fault("op", &googleapi.Error{
		Code: 404, Message: "Google Chat app not found. To create a Chat app, " +
			"you must turn on the Chat API and configure the app.",
	})
	text := fault.Public(i18n.In("en"), err, "")
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(text, "Google Chat configuration is missing") {
		t.Errorf("app: %v", err)
	}
}

package operations_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/operationstest"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
)

var ada, grace, alan, kim = google.People()[0], google.People()[1], google.People()[2], google.People()[3]

const team resource.SpaceName = "spaces/AAAAteam"

var hello = spaces.Message{Space: team, Text: "Hello"}

type world = operationstest.World

var check = operationstest.Check

// inWorld runs a test in a world of its own, where waiting takes no time.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(t, operationstest.New(t)) })
}

// inFriendlyWorld is inWorld for a test that counts calls: Google answers with whole pages and all fields.
func inFriendlyWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(t, operationstest.NewSeeded(t, 0)) })
}

// ci may do everything for example.com.
func ci() callers.Caller {
	return callers.Caller{
		ID: "ci", Name: "CI", Actions: callers.Actions(), Domains: []string{"example.com"},
		Authorities: callers.Authorities(),
	}
}

// call is a call of ci for Ada.
func call(key resource.Key) operations.Call {
	return operations.Call{Caller: ci(), Person: "ada@example.com", Authority: callers.AuthorityUser, Key: key}
}

// without returns a list without one of its values.
func without[T comparable](list []T, value T) []T {
	var out []T
	for _, v := range list {
		if v != value {
			out = append(out, v)
		}
	}
	return out
}

func wantKind(t *testing.T, what string, err error, want fault.Kind) {
	t.Helper()
	if err == nil || fault.KindOf(err) != want {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

// invitationOf returns the invitation in an error, which may have none.
func invitationOf(err error) (operations.InvitationError, bool) {
	i, ok := errors.AsType[*operations.InvitationError](err)
	if !ok {
		return operations.InvitationError{}, false
	}
	return *i, strings.HasPrefix(i.Link.Reveal(), "https://deputy.test/start?invitation=")
}

func users(people ...string) []spaces.Member {
	var out []spaces.Member
	for _, p := range people {
		user, _ := resource.ParseMember(p)
		out = append(out, spaces.Member{User: user, Label: p})
	}
	return out
}

// fail makes the next call of a method fail with a status, also when it is retried.
func fail(w *world, method string, status int) { w.Google.Fail(method, status, status, status, status) }

// messages returns the texts that people have posted in a space.
func messages(w *world, space resource.SpaceName) []string {
	var out []string
	for _, p := range google.People() {
		for _, s := range w.Google.SpacesOf(p) {
			for _, m := range s.Messages {
				if s.Name() == string(space) && m.Sender == p {
					out = append(out, m.Text)
				}
			}
		}
	}
	return out
}

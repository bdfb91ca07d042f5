package operations_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/spaces"
)

var emailField = regexp.MustCompile(`"email":"[^"]*",?`)

// withoutAddresses hides the addresses in lists of members, and makes each look-up take 600 ms.
func withoutAddresses(w *world) {
	w.Intercept = func(r *http.Request, next func() *http.Response) (*http.Response, error) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/members/") {
			time.Sleep(600 * time.Millisecond)
		}
		res := next()
		if strings.HasSuffix(r.URL.Path, "/members") {
			text, err := io.ReadAll(res.Body)
			if err != nil {
				return nil, err
			}
			res.Body = io.NopCloser(bytes.NewReader(emailField.ReplaceAll(text, nil)))
		}
		return res, nil
	}
}

// 200 members whose addresses Google does not list are known in two tries of 20 seconds, and nobody is looked up twice.
func TestCreateSpace_200LookUps(t *testing.T) {
	inFriendlyWorld(t, func(t *testing.T, w *world) {
		people := []google.Person{ada}
		for _, m := range named(200) {
			p, ok := google.FindPerson(m.User)
			if !ok {
				t.Fatal(m)
			}
			people = append(people, p)
		}
		w.Google.CreateSpace("All hands", people...)
		w.Google.EnforceQuotas()
		withoutAddresses(w)
		in := operations.NewSpace{
			Request:     spaces.Request{DisplayName: "All hands", Members: named(200)},
			OnDuplicate: operations.DuplicateReuse,
		}
		var got operations.CreatedSpace
		tries := 0
		for got.Name == "" || got.Unfinished() {
			if tries++; tries > 2 {
				t.Fatalf("not done after two tries: %v", states(got.Members))
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			var err error
			got, err = w.CreateSpace(ctx, call("a-key"), in)
			cancel()
			check(t, err)
		}
		for _, m := range got.Members {
			if m.State != operations.StateJoined {
				t.Errorf("%+v", m)
			}
		}
		if n := w.Google.Count("chat.spaces.members.get"); n != 200 {
			t.Errorf("%d look-ups of 200 members", n)
		}
	})
}

// What fails for a day is final, so that no caller repeats a request for ever.
func TestCreateSpace_FailsForADay(t *testing.T) {
	inFriendlyWorld(t, func(t *testing.T, w *world) {
		in := operations.NewSpace{Request: spaces.Request{
			DisplayName: "Plan", Members: named(50), Rest: spaces.FollowUp{History: spaces.HistoryOff},
		}}
		try := func() operations.CreatedSpace {
			fail(w, "chat.spaces.members.create", 500)
			fail(w, "chat.spaces.patch", 503)
			got, err := w.CreateSpace(t.Context(), call("a-key"), in)
			check(t, err)
			return got
		}
		for range 2 {
			if got := try(); got.Members[49].State != operations.StatePending || !got.Unfinished() {
				t.Errorf("%+v", got.Members[49])
			}
			time.Sleep(12 * time.Hour)
		}
		time.Sleep(time.Minute)
		got := try()
		if m, s := got.Members[49], got.Steps[0]; got.Unfinished() || m.State != operations.StateFailed ||
			m.Detail == "" || s.State != operations.StateFailed || s.Detail == "" {
			t.Errorf("after a day: %+v, %+v", m, s)
		}
	})
}

// The same for members of a space that exists, and for those who cannot be looked up.
func TestAddMembers_FailsForADay(t *testing.T) {
	inFriendlyWorld(t, func(t *testing.T, w *world) {
		in := operations.NewMembers{Space: team, Members: users("grace@example.com", "member-1@example.com")}
		try := func() operations.AddedMembers {
			w.Google.Fail("chat.spaces.members.create", 0, 500, 500, 500, 500)
			got, err := w.AddMembers(t.Context(), call("b-key"), in)
			check(t, err)
			return got
		}
		if got := try(); !got.Pending() || got.Members[0].State != operations.StateJoined {
			t.Errorf("%+v", got.Members)
		}
		time.Sleep(25 * time.Hour)
		fail(w, "chat.spaces.members.create", 500)
		got, err := w.AddMembers(t.Context(), call("b-key"), in)
		check(t, err)
		if last := got.Members[1]; got.Pending() || last.State != operations.StateFailed || last.Detail == "" {
			t.Errorf("after a day: %+v", got.Members)
		}
	})
}

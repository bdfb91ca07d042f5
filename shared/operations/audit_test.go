package operations_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/vault"
)

func TestAudit_Lines(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		self := operations.Self(resource.Person(ada.User()), "m1")
		for range 2 {
			_, err := w.CreateMessage(t.Context(), call("a-key"), hello)
			check(t, err)
		}
		_, err := w.CreateMessage(t.Context(), self, hello)
		check(t, err)
		_, err = w.CreateSpace(t.Context(), call("b-key"), newSpace("Plan"))
		check(t, err)
		_, err = w.ListSpaces(t.Context(), call(""), "", operations.PageRequest{Size: 9})
		check(t, err)
		_, err = w.GetSpace(t.Context(), call(""), "spaces/none")
		wantKind(t, "no such space", err, fault.NotFound)
		_, err = w.PutTemplate(t.Context(), ci(), vault.Template{Name: "T"}, nil)
		check(t, err)
		_, err = w.GetConnection(t.Context(), call(""))
		check(t, err)

		byCI, byAda := "authority=user caller_id=ci person="+ada.User(), "authority=user person="+ada.User()
		id := func(key string) string { return operations.Digest("ci", key)[:32] }
		want := []string{
			"action=messages.create " + byCI + " target=spaces/AAAAteam resource=spaces/AAAAteam/messages/client-ID " +
				"request=" + id("a-key") + " repeated=false outcome=ok",
			"action=messages.create " + byCI + ` target=spaces/AAAAteam resource="" ` +
				"request=" + id("a-key") + " repeated=true outcome=ok",
			"action=messages.create " + byAda + " target=spaces/AAAAteam resource=spaces/AAAAteam/messages/client-ID " +
				"request=" + operations.Digest("chat", "createMessage", ada.User(), string(team), "m1")[:32] +
				" repeated=false outcome=ok",
			"action=spaces.create " + byCI + ` target="" resource=spaces/AAAA0007 ` +
				"request=" + id("b-key") + " repeated=false outcome=ok",
			"action=spaces.read " + byCI + ` target="" resource="" request="" repeated=false outcome=ok`,
			"action=spaces.read " + byCI + ` target=spaces/none resource="" request="" ` +
				"repeated=false outcome=not_found",
			`action=templates.write authority=user caller_id=ci person="" target="" resource=templates request="" ` +
				"repeated=false outcome=ok",
			"action=people.read " + byCI + ` target="" resource="" request="" repeated=false outcome=ok`,
		}
		var got []string
		for _, line := range w.Lines("audit") {
			_, line, _ = strings.Cut(line, "msg=audit ")
			got = append(got, ownID.ReplaceAllString(line, "client-ID"))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if strings.Contains(w.Log(), "Hello") || strings.Contains(w.Log(), "Plan") {
			t.Error("the log has what people wrote")
		}
	})
}

// status is an activity in short.
// ownID is the ID of a message that Deputy posted.
var ownID = regexp.MustCompile(`client-[0-9a-f]{24}-[0-9a-f]{24}`)

func status(list []vault.Activity) []string {
	var out []string
	for _, a := range list {
		line := fmt.Sprintf("%s %s %s %s", a.Caller, a.Action, a.Authority, a.Resource)
		if a.OutcomeUnknown {
			line += " unknown"
		}
		out = append(out, ownID.ReplaceAllString(strings.TrimSpace(line), "client-ID"))
	}
	return out
}

func TestActivity_Writes(t *testing.T) {
	t.Parallel()
	renamed := operations.SpaceChange{
		Space: team, Change: spaces.Change{DisplayName: new("B"), Description: new("d")},
	}
	for name, c := range map[string]struct {
		method string
		faults []int
		do     func(context.Context, *world) error
		want   []string
	}{
		"space": {do: func(ctx context.Context, w *world) error {
			_, err := w.CreateSpace(ctx, call("a-key"), newSpace("Plan"))
			return err
		}, want: []string{"CI spaces.create user spaces/AAAA0005"}},
		"message": {do: func(ctx context.Context, w *world) error {
			_, err := w.CreateMessage(ctx, call("a-key"), spaces.Message{Space: team, Text: "x"})
			return err
		}, want: []string{"CI messages.create user spaces/AAAAteam/messages/client-ID"}},
		"two actions": {do: func(ctx context.Context, w *world) error {
			_, err := w.CreateMeeting(ctx, call("a-key"), spaces.Message{Space: team}, i18n.In("en"))
			return err
		}, want: []string{"CI meetings.create user spaces/AAAAteam/messages/client-ID"}},
		"no answer from Google": {
			"chat.spaces.messages.create", []int{503, 503, 503, 503}, func(ctx context.Context, w *world) error {
				_, err := w.CreateMessage(ctx, call("a-key"), spaces.Message{Space: team, Text: "x"})
				return err
			}, []string{"CI messages.create user spaces/AAAAteam unknown"},
		},
		"rate limit": {
			"chat.spaces.messages.create", []int{429, 429, 429, 429}, func(ctx context.Context, w *world) error {
				_, err := w.CreateMessage(ctx, call("a-key"), spaces.Message{Space: team, Text: "x"})
				return err
			}, nil,
		},
		"refused": {"chat.spaces.messages.create", []int{403}, func(ctx context.Context, w *world) error {
			_, err := w.CreateMessage(ctx, call("a-key"), spaces.Message{Space: team, Text: "x"})
			return err
		}, nil},
		"half of a change": {"chat.spaces.get", []int{403}, func(ctx context.Context, w *world) error {
			_, err := w.UpdateSpace(ctx, call("a-key"), renamed)
			return err
		}, []string{"CI spaces.update user spaces/AAAAteam"}},
		"plan": {do: func(ctx context.Context, w *world) error {
			_, err := w.PlanSpace(ctx, call("a-key"), newSpace("Plan"))
			return err
		}, want: []string{"CI spaces.create user"}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.Google.Fail(c.method, c.faults...)
				err := c.do(t.Context(), w)
				if (err == nil) != (len(c.faults) == 0) || w.Google.PendingFaults(c.method) != 0 {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, status(w.Activities(ada))); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// A write is in /status under the time when it was first tried, once, with its last outcome.
func TestActivity_Retry(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		began := time.Now()
		fail(w, "chat.spaces.messages.create", 503)
		hello := spaces.Message{Space: team, Text: "x"}
		_, err := w.CreateMessage(t.Context(), call("a-key"), hello)
		wantKind(t, "the first attempt", err, fault.Unavailable)
		time.Sleep(time.Hour - time.Minute)
		_, err = w.CreateMessage(t.Context(), call("a-key"), hello)
		check(t, err)
		got := w.Activities(ada)
		want := []string{"CI messages.create user spaces/AAAAteam/messages/client-ID"}
		if diff := cmp.Diff(want, status(got)); diff != "" {
			t.Fatal(diff)
		}
		if !got[0].Time.Equal(began) {
			t.Errorf("at %v, began %v", got[0].Time, began)
		}
	})
}

// Reads are in /status once an hour, for each caller, authority and action.
func TestActivity_Reads(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ChangeGrant(alan, func(g *vault.Grant) {
			g.Approve("other", callers.AuthorityUser, callers.Actions(), time.Now())
		})
		read := func(change func(*operations.Call)) {
			t.Helper()
			c := call("")
			c.Person = "alan@example.com"
			change(&c)
			_, err := w.GetSpace(t.Context(), c, team)
			check(t, err)
		}
		same := func(*operations.Call) {}
		start := time.Now() // midnight
		read(same)
		time.Sleep(59 * time.Minute)
		read(same)
		read(func(c *operations.Call) { c.Authority = callers.AuthorityAdmin })
		read(func(c *operations.Call) { c.Caller.ID, c.Caller.Name = "other", "Other" })
		c := call("")
		c.Person = "alan@example.com"
		_, err := w.ListMembers(t.Context(), c, team, operations.PageRequest{Size: 9})
		check(t, err)
		_, err = w.GetSpace(t.Context(), c, "spaces/none")
		wantKind(t, "no such space", err, fault.NotFound)
		_, err = w.GetMember(t.Context(), operations.Self(resource.Person(alan.User()), ""), operations.Member{
			Space: team, User: ada.User(),
		})
		check(t, err)
		time.Sleep(2 * time.Minute)
		w.ChangeGrant(alan, func(g *vault.Grant) { g.AccessExpiry = time.Now().Add(time.Hour) })
		read(same)
		counts := map[string]int{}
		got := w.Activities(alan)
		for _, line := range status(got) {
			counts[line]++
		}
		want := map[string]int{
			"CI spaces.read user": 2, "CI spaces.read admin": 1, "Other spaces.read user": 1, "CI members.read user": 1,
		}
		if diff := cmp.Diff(want, counts); diff != "" {
			t.Error(diff)
		}
		if !got[0].Time.Equal(start.Add(time.Hour)) || !got[len(got)-1].Time.Equal(start) {
			t.Errorf("from %v to %v", got[len(got)-1].Time, got[0].Time)
		}
	})
}

// brokenActivities panics when an activity is stored.
type brokenActivities struct{ vault.Docs }

func (b brokenActivities) Create(
	ctx context.Context, name vault.Collection, id string, f vault.Fields,
) (vault.Version, error) {
	if strings.HasPrefix(string(name), "activity/") {
		panic("the store is broken")
	}
	return b.Docs.Create(ctx, name, id, f)
}

func TestActivity_NotStored(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Docs.Docs = brokenActivities{w.Docs.Docs}
		_, err := w.CreateMessage(t.Context(), call("a-key"), spaces.Message{Space: team, Text: "x"})
		check(t, err)
		_, err = w.GetSpace(t.Context(), call(""), team)
		check(t, err)
		if lines := w.Lines("activity not stored"); len(lines) != 2 ||
			!strings.Contains(lines[0], "the store is broken") {
			t.Errorf("%q", lines)
		}
	})
}

// A caller that disconnects does not prevent the activity, nor does the deadline of the operation.
func TestActivity_CallerGone(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancel(t.Context())
		w.CancelAfter("spaces/AAAAteam/messages", cancel)
		_, err := w.CreateMessage(ctx, call("a-key"), spaces.Message{Space: team, Text: "x"})
		check(t, err)
		if got := w.Activities(ada); len(got) != 1 || ctx.Err() == nil {
			t.Errorf("%v", got)
		}
	})
}

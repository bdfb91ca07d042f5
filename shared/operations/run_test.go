package operations_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/vault"
)

// A key belongs to one request.
func TestRun_SameKey(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		say := func(c operations.Call, m spaces.Message) error {
			_, err := w.CreateMessage(t.Context(), c, m)
			return err
		}
		check(t, say(call("a-key"), hello))
		for name, change := range map[string]func(*operations.Call, *spaces.Message){
			"another person": func(c *operations.Call, _ *spaces.Message) { c.Person = "alan@example.com" },
			"another authority": func(c *operations.Call, _ *spaces.Message) {
				c.Authority = callers.AuthorityDelegation
			},
			"another space": func(_ *operations.Call, m *spaces.Message) { m.Space = "spaces/none" },
			"another text":  func(_ *operations.Call, m *spaces.Message) { m.Text = "Bye" },
		} {
			c, m := call("a-key"), hello
			change(&c, &m)
			if err := say(c, m); !errors.Is(err, operations.ErrKeyReused) {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err := w.CreateMeeting(t.Context(), call("a-key"), hello, i18n.In("en"))
		if !errors.Is(err, operations.ErrKeyReused) {
			t.Errorf("another operation: %v", err)
		}
		same := call("a-key")
		same.Person = "Ada@Example.com"
		check(t, say(same, hello))
		if diff := cmp.Diff([]string{"Hello"}, messages(w, team)); diff != "" {
			t.Error(diff)
		}
		self := operations.Self(resource.Person(ada.User()), "a-key")
		_, err = w.CreateMeeting(t.Context(), self, spaces.Message{Space: team}, i18n.In("en"))
		check(t, err)
		owners := map[string]int{}
		for _, key := range []string{
			operations.Digest("ci", "a-key"),
			operations.Digest("chat", "createMeeting", ada.User(), string(team), "a-key"),
		} {
			o, err := w.Deps.Vault.Operation(t.Context(), key)
			check(t, err)
			owners[o.Caller+" for "+string(o.Person)]++
		}
		want := map[string]int{"ci for " + ada.User(): 1, "chat for " + ada.User(): 1}
		if diff := cmp.Diff(want, owners); diff != "" {
			t.Errorf("an erasure finds records by their person: %s", diff)
		}
	})
}

// A caller can read its stored answer after the person has withdrawn the approval, and do nothing else.
func TestRun_StoredAnswerAfterWithdrawal(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		first, err := w.CreateMessage(t.Context(), call("a-key"), hello)
		check(t, err)
		w.ChangeGrant(ada, func(g *vault.Grant) { g.Approvals = nil })
		again, err := w.CreateMessage(t.Context(), call("a-key"), hello)
		if diff := cmp.Diff(first, again); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
		if line := outcomeOf(t, w); !strings.HasSuffix(line, "repeated=true outcome=ok") {
			t.Error(line)
		}
		_, err = w.CreateMessage(t.Context(), call("b-key"), hello)
		wantKind(t, "another key", err, fault.NeedsApproval)
		_, err = w.GetSpace(t.Context(), call(""), team)
		wantKind(t, "a read", err, fault.NeedsApproval)
		other := hello
		other.Text = "Bye"
		_, err = w.CreateMessage(t.Context(), call("a-key"), other)
		if !errors.Is(err, operations.ErrKeyReused) {
			t.Errorf("another request with the key: %v", err)
		}
		denied := call("a-key")
		denied.Caller.Actions = nil
		_, err = w.CreateMessage(t.Context(), denied, hello)
		wantKind(t, "a caller whom the file does not allow", err, fault.Denied)
	})
}

// A key is claimed while the grant is read: one after the other would take two round trips.
func TestRun_ClaimsWhileReading(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		claimed := make(chan struct{})
		var once sync.Once
		var late atomic.Bool
		w.Docs.Inject = func(_ context.Context, c vaulttest.Call) error {
			switch {
			case c.Write && c.Applied:
				once.Do(func() { close(claimed) })
			case !c.Write && !c.Applied:
				select {
				case <-claimed:
				case <-time.After(time.Second):
					late.Store(true)
				}
			}
			return nil
		}
		_, err := w.CreateMessage(t.Context(), call("a-key"), hello)
		if err != nil || late.Load() {
			t.Errorf("%v, the claim waited for the read: %v", err, late.Load())
		}
	})
}

// A request that is refused leaves no record, and one that the file refuses does not reach the store.
func TestRun_RefusedLeavesNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		unknown, withdrawn, outside, denied := call("key-a"), call("key-b"), call("key-c"), call("key-d")
		unknown.Person = "grace@example.com"
		withdrawn.Caller.ID = "another"
		outside.Person = resource.Named(ada.User())
		outside.Caller.Domains = []string{"partner.example"}
		for name, c := range map[string]operations.Call{
			"unknown": unknown, "not approved": withdrawn, "outside": outside,
		} {
			if _, err := w.CreateMessage(t.Context(), c, hello); err == nil {
				t.Errorf("%s: allowed", name)
			}
		}
		if left, err := w.Docs.List(t.Context(), "operations", "", 1); err != nil || len(left) != 0 {
			t.Errorf("%v, left %v", err, left)
		}
		denied.Caller.Actions = nil
		before := w.Docs.Calls()
		_, err := w.CreateMessage(t.Context(), denied, hello)
		wantKind(t, "denied", err, fault.Denied)
		if n := w.Docs.Calls() - before; n != 0 {
			t.Errorf("%d calls of the store", n)
		}
	})
}

// A grant that can't be read leaves the key free: nothing was done.
func TestRun_UnreadGrantFreesKey(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Docs.Inject = func(_ context.Context, c vaulttest.Call) error {
			if !c.Write {
				return fault.New(fault.Unavailable, fault.NoText)
			}
			return nil
		}
		_, err := w.CreateMessage(t.Context(), call("a-key"), hello)
		wantKind(t, "the store is down", err, fault.Unavailable)
		w.Docs.Inject = func(context.Context, vaulttest.Call) error { return nil }
		other := hello
		other.Text = "Corrected"
		_, err = w.CreateMessage(t.Context(), call("a-key"), other)
		check(t, err)
	})
}

// A grant that ends during an operation leaves for a retry what a new consent allows.
func TestRun_GrantEndsMeanwhile(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		check(t, w.Google.SetSwitch("invalid-grant", true))
		w.Intercept = func(r *http.Request, next func() *http.Response) (*http.Response, error) {
			if r.Method == http.MethodPatch {
				w.Google.Fail("chat.spaces.patch", 401)
			}
			return next(), nil
		}
		in := newSpace("Plan")
		in.Request.Rest.History = spaces.HistoryOff
		got, err := w.CreateSpace(t.Context(), call("a-key"), in)
		if diff := cmp.Diff([]string{"history PENDING"}, steps(got.Steps)); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
	})
}

// A journal that this version can't read may say anything: nothing is repeated.
func TestRun_UnreadableJournal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method string
		do     func(context.Context, *world, resource.SpaceName) error
		want   fault.Kind
	}{
		"create a space": {"chat.spaces.setup", func(ctx context.Context, w *world, _ resource.SpaceName) error {
			_, err := w.CreateSpace(ctx, call("a-key"), newSpace("Plan"))
			return err
		}, fault.Internal},
		"add members": {"chat.spaces.members.create", func(ctx context.Context, w *world, s resource.SpaceName) error {
			in := operations.NewMembers{Space: s, Members: users("grace@example.com")}
			_, err := w.AddMembers(ctx, call("a-key"), in)
			return err
		}, fault.Internal},
		"change a space": {"chat.spaces.patch", func(ctx context.Context, w *world, s resource.SpaceName) error {
			found, err := w.GetSpace(ctx, call(""), s)
			found.DisplayName = "A"
			in := operations.SpaceChange{
				Space: s, Change: spaces.Change{DisplayName: new("B")}, IfMatch: new(operations.ETag(found)),
			}
			if err == nil {
				_, err = w.UpdateSpace(ctx, call("a-key"), in)
			}
			return err
		}, fault.Conflict},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				id := w.Google.CreateSpace("A", ada).ID
				fail(w, c.method, 503)
				wantKind(t, "no answer", c.do(t.Context(), w, resource.SpaceName("spaces/"+id)), fault.Unavailable)
				o, err := w.Deps.Vault.Operation(t.Context(), operations.Digest("ci", "a-key"))
				check(t, err)
				o.Journal = config.NewSecret("[")
				_, err = w.Deps.Vault.SaveOperation(t.Context(), o)
				check(t, err)
				w.Google.RenameSpace(id, "C")
				calls := w.Google.Count(c.method)
				wantKind(t, "the retry", c.do(t.Context(), w, resource.SpaceName("spaces/"+id)), c.want)
				if w.Google.Count(c.method) != calls {
					t.Error("it was repeated")
				}
			})
		})
	}
}

func TestResults_PendingAndUnfinished(t *testing.T) {
	t.Parallel()
	type result = operations.MemberResult
	for name, c := range map[string]struct {
		in                  operations.CreatedSpace
		pending, unfinished bool
	}{
		"nothing requested": {},
		"final results": {in: operations.CreatedSpace{
			Members: []result{{State: operations.StateJoined}, {State: operations.StateFailed, Detail: "d"}},
			Steps:   []operations.StepResult{{State: operations.StateDone}, {State: operations.StateFailed}},
		}},
		"pending member": {operations.CreatedSpace{Members: []result{{State: operations.StatePending}}}, true, true},
		"pending step": {
			operations.CreatedSpace{Steps: []operations.StepResult{{State: operations.StatePending}}}, true, true,
		},
		"unchecked": {
			in: operations.CreatedSpace{Members: []result{{State: operations.StateUnchecked}}}, unfinished: true,
		},
		"unchecked finally": {
			in: operations.CreatedSpace{Members: []result{{State: operations.StateUnchecked, Detail: "d"}}},
		},
	} {
		if got := c.in.Pending(); got != c.pending {
			t.Errorf("%s: pending %v", name, got)
		}
		if got := c.in.Unfinished(); got != c.unfinished {
			t.Errorf("%s: unfinished %v", name, got)
		}
	}
}

// The likely reason for a member whom Google left out depends on the domain and on what the space allows.
func TestResults_LikelyReason(t *testing.T) {
	inFriendlyWorld(t, func(t *testing.T, w *world) {
		reasons := map[string]string{}
		for name, external := range map[string]*bool{"default": nil, "closed": new(false), "open": new(true)} {
			in := operations.NewSpace{Request: spaces.Request{
				DisplayName: name, External: external,
				Members: users("x@else.example", "nobody@example.com", "groups/none"),
			}}
			got, err := w.CreateSpace(t.Context(), call(resource.Key(name+"-key")), in)
			check(t, err)
			for _, m := range got.Members {
				reasons[name+" "+m.Member] = m.Detail
			}
		}
		outside, inside := reasons["default x@else.example"], reasons["default nobody@example.com"]
		if outside == inside || outside == "" || inside == "" || reasons["default groups/none"] == inside {
			t.Errorf("%q", reasons)
		}
		if reasons["closed x@else.example"] != outside || reasons["open x@else.example"] == outside ||
			reasons["open x@else.example"] == inside || reasons["open nobody@example.com"] != inside {
			t.Errorf("%q", reasons)
		}
	})
}

package consent_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/firestore"
)

// A victim is this test binary, started once more: it does one thing on
// Google's emulator and kills itself, as kill -9 does, at one of its calls of
// the store. Afterwards another instance has to find everything whole.

// order is what a victim is told, on its standard input.
type order struct {
	Do            string
	At            int  // which call of the store is its last
	After         bool // whether that call still takes effect
	Project       string
	GoogleAt      string
	Keyset        string
	Lookup        string
	Ahead         time.Duration
	State, Code   string // of a callback
	Issuer, Agent string
}

const victim = "DEPUTY_TEST_VICTIM"

func TestMain(m *testing.M) {
	if os.Getenv(victim) == "" {
		os.Exit(m.Run())
	}
	if err := die(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// die carries an order out; it returns only when the order's call is not
// reached.
func die() error {
	var o order
	if err := json.NewDecoder(os.Stdin).Decode(&o); err != nil {
		return err
	}
	ctx := context.Background()
	store, err := firestore.New(ctx, firestore.Setting{Project: o.Project, Database: "(default)"})
	if err != nil {
		return err
	}
	docs := &vaulttest.Faulty{Docs: store, Inject: func(_ context.Context, c vaulttest.Call) error {
		if c.N == o.At && c.After == o.After {
			if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
				return err
			}
			select {} // until it arrives
		}
		return nil
	}}
	keys, err := seal.New(config.NewSecret(o.Keyset), config.NewSecret(o.Lookup), "project", "client")
	if err != nil {
		return err
	}
	a := newInstance(depsOn(docs, keys, o.GoogleAt, io.Discard, func() time.Time { return time.Now().Add(o.Ahead) }))
	switch o.Do {
	case "callback":
		_, err = a.Finish(ctx, consent.Callback{State: config.NewSecret(o.State), Code: config.NewSecret(o.Code), Issuer: o.Issuer, Browser: config.NewSecret(o.Agent)})
	case "refresh":
		_, err = a.TokenSource(ctx, resource.Person(ada.User()), create)
	case "disconnect":
		_, err = a.Disconnect(ctx, resource.Person(ada.User()))
	case "rotation":
		_, err = a.Reseal(ctx)
	case "sweep":
		_, err = a.Sweep(ctx, a.deps.Now().Add(time.Hour), 0)
	default:
		err = errors.New("unknown order")
	}
	return err
}

// deadly is one thing to be killed in.
type deadly struct {
	prepare func(*world, *order)
	// after checks what an instance finds that comes later.
	after func(*world)
	// atLeast is how many calls of the store it makes, so that the test
	// notices when it looks at the wrong place.
	atLeast int
}

var deadlies = map[string]deadly{
	"callback": {
		func(w *world, o *order) {
			c := w.consented(w.invite(ada, answer, create), ada)
			o.State, o.Code, o.Issuer, o.Agent = c.State.Reveal(), c.Code.Reveal(), c.Issuer, c.Browser.Reveal()
		},
		func(w *world) {
			if _, ok := w.stored(ada); ok {
				check(w.t, w.token(ada, create)) // stored whole
			}
			w.connect(ada, create)
			check(w.t, w.token(ada, create))
		}, 4,
	},
	"refresh": {
		func(w *world, _ *order) { w.connect(ada, create); w.ahead.Add(int64(2 * time.Hour)) },
		func(w *world) { check(w.t, w.token(ada, create)) }, 3,
	},
	"disconnect": {prepareDisconnect, afterDisconnect, 3},
	"disconnect while Google is away": {
		func(w *world, o *order) {
			prepareDisconnect(w, o)
			o.Do = "disconnect"
			w.google.Fail("revoke", 503)
		}, afterDisconnect, 4,
	},
	"rotation": {
		func(w *world, o *order) {
			w.connect(ada, create)
			w.connect(grace, create)
			w.instance = w.rotate()
			o.Keyset, o.Lookup = w.keyset.Reveal(), w.lookup.Reveal()
		},
		func(w *world) {
			check(w.t, w.token(ada, create))
			check(w.t, w.token(grace, create))
			if _, err := w.Reseal(w.t.Context()); err != nil {
				w.t.Error(err)
			}
			w.instance = w.disableOld()
			check(w.t, w.token(ada, create))
			check(w.t, w.token(grace, create))
		}, 4,
	},
	"sweep": {
		func(w *world, o *order) {
			w.connect(grace, create)
			w.google.Fail("revoke", 503)
			_, err := w.Disconnect(w.t.Context(), resource.Person(grace.User()))
			check(w.t, err)
			w.connect(ada, create)
			w.ahead.Add(int64(151 * oneDay))
			check(w.t, w.deps.Vault.CreateRevocation(w.t.Context(), resource.Person(grace.User()), 1, config.NewSecret("1//0gone")))
			long := w.deps.Now().Add(-9 * oneDay)
			for id, g := range map[string]vault.Grant{
				"901": {Status: vault.Disconnecting, RefreshToken: config.NewSecret("1//0ending"), Due: long},
				"902": {Status: vault.Connected, RefreshToken: config.NewSecret("1//0removed"), Removed: long, RefreshDay: w.deps.Now(), Due: long},
				"903": {Status: vault.Revoked, Generation: 1, Due: long},
				"904": {Status: vault.Connected, RefreshToken: config.NewSecret("1//0stale"), RefreshDay: w.deps.Now()},
				"905": {Status: vault.Suspended, RefreshToken: config.NewSecret("1//0refused"), SuspendedAt: long, Retries: 2, Due: long},
				"906": {Status: vault.Connected, RefreshToken: config.NewSecret("1//0event"), Connected: long, RevokedAt: long.Add(time.Hour), Due: long},
			} {
				g.Person, g.ClientID, g.Scopes = resource.Person("users/"+id), "client", []string{createScope}
				_, err := w.deps.Vault.SaveGrant(w.t.Context(), g)
				check(w.t, err)
			}
			w.instance = w.rotate()
			o.Keyset, o.Lookup = w.keyset.Reveal(), w.lookup.Reveal()
		},
		func(w *world) {
			w.sweep()
			w.sweep() // a write of the dead may land after the first has read
			// Nothing is due any more.
			want := grants.Swept{Finished: true}
			if got := w.sweep(); got != want || w.revocations() != 0 {
				w.t.Errorf("something is left: %+v, %d revocations", got, w.revocations())
			}
			w.instance = w.disableOld()
			w.deps = w.instance.deps
			_, err := w.deps.Vault.Grant(w.t.Context(), "users/904")
			check(w.t, err)
			g, _ := w.stored(ada)
			if w.deps.Now().Sub(g.RefreshDay) > 2*oneDay {
				w.t.Errorf("refreshed last on %v", g.RefreshDay)
			}
			check(w.t, w.token(ada, create))
		}, 24,
	},
}

func prepareDisconnect(w *world, _ *order) {
	w.connect(ada, create)
	w.approve(ada, "tickets")
}

func afterDisconnect(w *world) {
	g, ok := w.stored(ada)
	if ok && g.Status == vault.Connected { // as if nothing had been
		check(w.t, w.token(ada, create))
		_, err := w.Disconnect(w.t.Context(), resource.Person(ada.User()))
		check(w.t, err)
	} else if err := w.token(ada, create); err == nil {
		w.t.Error("a grant that was to end is used")
	}
	w.sweep()
	if _, ok := w.stored(ada); ok || w.revocations() != 0 || w.google.RefreshToken(ada) != "" {
		w.t.Errorf("left: a grant %v, %d revocations, a token at Google %v", ok, w.revocations(), w.google.RefreshToken(ada) != "")
	}
	w.connect(ada, create)
	if g, _ := w.stored(ada); len(g.Approvals) != 0 {
		w.t.Error("an approval was left")
	}
	check(w.t, w.token(ada, create))
}

func TestKilledAtAnyCallOfTheStoreNothingIsLostOrHalfDone(t *testing.T) {
	if os.Getenv("FIRESTORE_EMULATOR_HOST") == "" {
		t.Skip("NOT TESTED: kill -9 at every crash point. No FIRESTORE_EMULATOR_HOST; ./test.sh starts Google's emulator when it finds it")
	}
	for name, d := range deadlies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kills := 0
			for _, after := range []bool{false, true} {
				for at := 1; killed(t, name, d, at, after); at++ {
					kills++
				}
			}
			if kills < 2*d.atLeast {
				t.Errorf("killed %d times, want %d at least: this test looks at the wrong place", kills, 2*d.atLeast)
			}
			t.Logf("killed %d times", kills)
		})
	}
}

// killed lets a victim die at one call and checks what is left; false when the
// call is never reached.
func killed(t *testing.T, name string, d deadly, at int, after bool) bool {
	t.Helper()
	project := "crash-" + strings.ToLower(rand.Text()[:10])
	store, err := firestore.New(t.Context(), firestore.Setting{Project: project, Database: "(default)"})
	check(t, err)
	w := beginOn(t, store)
	o := &order{
		Do: name, At: at, After: after, Project: project, GoogleAt: w.at.URL, Keyset: w.keyset.Reveal(), Lookup: w.lookup.Reveal(),
	}
	d.prepare(w, o)
	o.Ahead = time.Duration(w.ahead.Load())
	text, err := json.Marshal(o)
	check(t, err)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), victim+"=1")
	cmd.Stdin = bytes.NewReader(text)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return false
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("call %d: %v\n%s", at, err, out)
	}
	w.instance = newInstance(w.instance.deps) // an instance that starts later
	d.after(w)
	if t.Failed() {
		t.Fatalf("killed at call %d, after it: %v; log: %s", at, after, w.log)
	}
	return true
}

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

// A victim is a second process of this test binary. It runs one operation on Google's Firestore emulator and
// kills itself with SIGKILL at one of its calls of the store. Another instance must then find consistent data.

// crashOrder is a victim's input, as JSON on its standard input.
type crashOrder struct {
	Do            string
	At            int  // number of the call of the store at which it dies
	After         bool // whether that call takes effect first
	Project       string
	GoogleAt      string
	Keyset        string
	Lookup        string
	Offset        time.Duration
	State, Code   string // of a callback
	Issuer, Agent string
}

const victim = "DEPUTY_TEST_VICTIM"

func TestMain(m *testing.M) {
	if os.Getenv(victim) == "" {
		os.Exit(m.Run())
	}
	if err := runVictim(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runVictim executes an order. It returns only if the order's call is not reached.
func runVictim() error {
	var o crashOrder
	if err := json.NewDecoder(os.Stdin).Decode(&o); err != nil {
		return err
	}
	ctx := context.Background()
	store, err := firestore.New(ctx, firestore.Config{Project: o.Project, Database: "(default)"})
	if err != nil {
		return err
	}
	docs := &vaulttest.Faulty{Docs: store, Inject: func(_ context.Context, c vaulttest.Call) error {
		if c.N == o.At && c.Applied == o.After {
			if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
				return err
			}
			select {} // until the signal arrives
		}
		return nil
	}}
	keys, err := seal.New(config.NewSecret(o.Keyset), config.NewSecret(o.Lookup), "project", "client")
	if err != nil {
		return err
	}
	now := func() time.Time { return time.Now().Add(o.Offset) }
	inst := newInstance(newDeps(docs, keys, o.GoogleAt, io.Discard, now))
	switch o.Do {
	case "callback":
		_, err = inst.Finish(ctx, consent.Callback{
			State: config.NewSecret(o.State), Code: config.NewSecret(o.Code),
			Issuer: o.Issuer, BrowserCookie: config.NewSecret(o.Agent),
		})
	case "refresh":
		_, err = inst.TokenSource(ctx, adaID, create)
	case "disconnect":
		_, err = inst.Disconnect(ctx, adaID)
	case "rotation":
		_, err = inst.Reseal(ctx)
	case "sweep":
		_, err = inst.Sweep(ctx, inst.deps.Now().Add(time.Hour), 0)
	default:
		err = errors.New("unknown order")
	}
	return err
}

// crashCase is one operation to be killed in.
type crashCase struct {
	prepare func(*world, *crashOrder)
	after   func(*world) // checks the data that is left
	atLeast int          // how many calls of the store the operation makes
}

var crashCases = map[string]crashCase{
	"callback": {
		func(w *world, o *crashOrder) {
			c := w.giveConsent(w.invite(ada, completion, create), ada)
			o.State, o.Code, o.Issuer, o.Agent = c.State.Reveal(), c.Code.Reveal(), c.Issuer, c.BrowserCookie.Reveal()
		},
		func(w *world) {
			if _, ok := w.storedGrant(ada); ok {
				check(w.t, w.token(ada, create)) // stored whole
			}
			w.connect(ada, create)
			check(w.t, w.token(ada, create))
		}, 4,
	},
	"refresh": {
		func(w *world, _ *crashOrder) { w.connect(ada, create); w.offset.Add(int64(2 * time.Hour)) },
		func(w *world) { check(w.t, w.token(ada, create)) }, 3,
	},
	"disconnect": {prepareDisconnect, afterDisconnect, 3},
	"disconnect, Google unavailable": {
		func(w *world, o *crashOrder) {
			prepareDisconnect(w, o)
			o.Do = "disconnect"
			w.google.Fail("revoke", 503)
		}, afterDisconnect, 4,
	},
	"rotation": {
		func(w *world, o *crashOrder) {
			w.connect(ada, create)
			w.connect(grace, create)
			w.instance = w.rotateKeys()
			o.Keyset, o.Lookup = w.keyset.Reveal(), w.lookup.Reveal()
		},
		func(w *world) {
			check(w.t, w.token(ada, create))
			check(w.t, w.token(grace, create))
			if _, err := w.Reseal(w.t.Context()); err != nil {
				w.t.Error(err)
			}
			w.instance = w.disableOldKeys()
			check(w.t, w.token(ada, create))
			check(w.t, w.token(grace, create))
		}, 4,
	},
	"sweep": {
		func(w *world, o *crashOrder) {
			w.connect(grace, create)
			w.google.Fail("revoke", 503)
			_, err := w.Disconnect(w.t.Context(), graceID)
			check(w.t, err)
			w.connect(ada, create)
			w.offset.Add(int64(151 * day))
			check(w.t, w.deps.Vault.CreateRevocation(w.t.Context(), graceID, 1, config.NewSecret("1//0gone")))
			long := w.deps.Now().Add(-9 * day)
			for id, g := range map[string]vault.Grant{
				"901": {Status: vault.Disconnecting, RefreshToken: config.NewSecret("1//0ending"), Due: long},
				"902": {
					Status: vault.Connected, RefreshToken: config.NewSecret("1//0removed"),
					RemovedAt: long, RefreshDay: w.deps.Now(), Due: long,
				},
				"903": {Status: vault.Revoked, Generation: 1, Due: long},
				"904": {Status: vault.Connected, RefreshToken: config.NewSecret("1//0stale"), RefreshDay: w.deps.Now()},
				"905": {
					Status: vault.Suspended, RefreshToken: config.NewSecret("1//0refused"),
					SuspendedAt: long, Retries: 2, Due: long,
				},
				"906": {
					Status: vault.Connected, RefreshToken: config.NewSecret("1//0event"),
					ConnectedAt: long, RevokedAt: long.Add(time.Hour), Due: long,
				},
			} {
				g.Person, g.ClientID, g.Scopes = resource.Person("users/"+id), "client", []string{createScope}
				_, err := w.deps.Vault.SaveGrant(w.t.Context(), g)
				check(w.t, err)
			}
			w.instance = w.rotateKeys()
			o.Keyset, o.Lookup = w.keyset.Reveal(), w.lookup.Reveal()
		},
		func(w *world) {
			w.sweep()
			w.sweep() // the victim's last write may take effect after the first sweep's read
			want := grants.SweepResult{Finished: true}
			if got := w.sweep(); got != want || w.revocationCount() != 0 {
				w.t.Errorf("the sweep is incomplete: %+v, %d revocations", got, w.revocationCount())
			}
			w.instance = w.disableOldKeys()
			w.deps = w.instance.deps
			_, err := w.deps.Vault.Grant(w.t.Context(), "users/904")
			check(w.t, err)
			g, _ := w.storedGrant(ada)
			if w.deps.Now().Sub(g.RefreshDay) > 2*day {
				w.t.Errorf("refreshed last on %v", g.RefreshDay)
			}
			check(w.t, w.token(ada, create))
		}, 24,
	},
}

func prepareDisconnect(w *world, _ *crashOrder) {
	w.connect(ada, create)
	w.storeApprovals(ada, "tickets")
}

func afterDisconnect(w *world) {
	g, ok := w.storedGrant(ada)
	if ok && g.Status == vault.Connected { // the disconnect has not begun
		check(w.t, w.token(ada, create))
		_, err := w.Disconnect(w.t.Context(), adaID)
		check(w.t, err)
	} else if err := w.token(ada, create); err == nil {
		w.t.Error("a disconnecting grant is used")
	}
	w.sweep()
	revocations, token := w.revocationCount(), w.google.RefreshToken(ada) != ""
	if _, ok := w.storedGrant(ada); ok || revocations != 0 || token {
		w.t.Errorf("left: a grant %v, %d revocations, a token at Google %v", ok, revocations, token)
	}
	w.connect(ada, create)
	if g, _ := w.storedGrant(ada); len(g.Approvals) != 0 {
		w.t.Error("an approval is left")
	}
	check(w.t, w.token(ada, create))
}

func TestCrash_KilledAtEachStoreCall(t *testing.T) {
	if os.Getenv("FIRESTORE_EMULATOR_HOST") == "" {
		t.Skip("NOT TESTED: kill -9 at every crash point. No FIRESTORE_EMULATOR_HOST; " +
			"./test.sh starts Google's emulator when it finds it")
	}
	for name, d := range crashCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kills := 0
			for _, after := range []bool{false, true} {
				for at := 1; killAt(t, name, d, at, after); at++ {
					kills++
				}
			}
			if kills < 2*d.atLeast {
				t.Errorf("killed %d times, want at least %d", kills, 2*d.atLeast)
			}
			t.Logf("killed %d times", kills)
		})
	}
}

// killAt kills a victim at one call and checks what is left. It returns false if the call is not reached.
func killAt(t *testing.T, name string, d crashCase, at int, after bool) bool {
	t.Helper()
	project := "crash-" + strings.ToLower(rand.Text()[:10])
	store, err := firestore.New(t.Context(), firestore.Config{Project: project, Database: "(default)"})
	check(t, err)
	w := newWorldOn(t, store)
	o := &crashOrder{
		Do: name, At: at, After: after, Project: project, GoogleAt: w.server.URL,
		Keyset: w.keyset.Reveal(), Lookup: w.lookup.Reveal(),
	}
	d.prepare(w, o)
	o.Offset = time.Duration(w.offset.Load())
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
	w.instance = newInstance(w.instance.deps)
	d.after(w)
	if t.Failed() {
		t.Fatalf("killed at call %d, after it: %v; log: %s", at, after, w.log)
	}
	return true
}

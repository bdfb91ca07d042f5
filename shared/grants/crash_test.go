package grants_test

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

	"example.com/deputy/internal/consenttest"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
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
	Now           time.Time // the victim's clock
	State, Code   string    // of a callback
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
	now := func() time.Time { return o.Now }
	inst := consenttest.NewInstance(consenttest.NewDeps(docs, keys, o.GoogleAt, io.Discard, now))
	switch o.Do {
	case "callback":
		_, err = inst.Finish(ctx, consent.Callback{
			Redirect: googleauth.Redirect{
				State: config.NewSecret(o.State), Code: config.NewSecret(o.Code), Issuer: o.Issuer,
			},
			Cookies: []config.Secret{config.NewSecret(o.Agent)},
		})
	case "refresh":
		_, err = inst.TokenSource(ctx, adaID, create)
	case "disconnect":
		_, err = inst.Disconnect(ctx, adaID)
	case "rotation":
		_, err = inst.Reseal(ctx)
	case "sweep":
		_, err = inst.Sweep(ctx, inst.Deps.Now().Add(time.Hour), 0)
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
			c := w.GiveConsent(w.InvitePerson(ada, consenttest.Completion, create), ada)
			o.State, o.Code, o.Issuer, o.Agent = c.State.Reveal(), c.Code.Reveal(), c.Issuer, c.Cookies[0].Reveal()
		},
		func(w *world) {
			if _, ok := w.StoredGrant(ada); ok {
				check(w.t, w.Token(ada, create)) // stored whole
			}
			w.SignIn(ada, create)
			check(w.t, w.Token(ada, create))
		}, 4,
	},
	"refresh": {
		func(w *world, _ *crashOrder) { w.SignIn(ada, create); w.Advance(2 * time.Hour) },
		func(w *world) { check(w.t, w.Token(ada, create)) }, 2,
	},
	"disconnect": {prepareDisconnect, afterDisconnect, 3},
	"disconnect, Google unavailable": {
		func(w *world, o *crashOrder) {
			prepareDisconnect(w, o)
			o.Do = "disconnect"
			w.Google.Fail("revoke", 503)
		}, afterDisconnect, 4,
	},
	"rotation": {
		func(w *world, o *crashOrder) {
			w.SignIn(ada, create)
			w.SignIn(grace, create)
			w.Instance = w.rotateKeys()
			o.Keyset, o.Lookup = w.Keyset.Reveal(), w.LookupKeys.Reveal()
		},
		func(w *world) {
			check(w.t, w.Token(ada, create))
			check(w.t, w.Token(grace, create))
			if _, err := w.Reseal(w.t.Context()); err != nil {
				w.t.Error(err)
			}
			w.Instance = w.disableOldKeys()
			check(w.t, w.Token(ada, create))
			check(w.t, w.Token(grace, create))
		}, 4,
	},
	"sweep": {
		func(w *world, o *crashOrder) {
			w.storeSweepWork()
			w.Instance = w.rotateKeys()
			o.Keyset, o.Lookup = w.Keyset.Reveal(), w.LookupKeys.Reveal()
		},
		func(w *world) {
			w.sweep()
			w.sweep() // the victim's last write may take effect after the first sweep's read
			want := grants.SweepResult{Finished: true}
			if got := w.sweep(); got != want || w.revocationCount() != 0 {
				w.t.Errorf("the sweep is incomplete: %+v, %d revocations", got, w.revocationCount())
			}
			w.Instance = w.disableOldKeys()
			w.Deps = w.Instance.Deps
			_, err := w.Deps.Vault.Grant(w.t.Context(), "users/904")
			check(w.t, err)
			g, _ := w.StoredGrant(ada)
			if w.Now().Sub(g.RefreshDay) > 2*day {
				w.t.Errorf("refreshed last on %v", g.RefreshDay)
			}
			check(w.t, w.Token(ada, create))
		}, 24,
	},
}

func prepareDisconnect(w *world, _ *crashOrder) {
	w.SignIn(ada, create)
	w.storeApprovals(ada, "tickets")
}

func afterDisconnect(w *world) {
	g, ok := w.StoredGrant(ada)
	if ok && g.Status == vault.Connected { // the disconnect has not begun
		check(w.t, w.Token(ada, create))
		_, err := w.Disconnect(w.t.Context(), adaID)
		check(w.t, err)
	} else if err := w.Token(ada, create); err == nil {
		w.t.Error("a disconnecting grant is used")
	}
	w.sweep()
	revocations, token := w.revocationCount(), w.Google.RefreshToken(ada) != ""
	if _, ok := w.StoredGrant(ada); ok || revocations != 0 || token {
		w.t.Errorf("left: a grant %v, %d revocations, a token at Google %v", ok, revocations, token)
	}
	w.SignIn(ada, create)
	if g, _ := w.StoredGrant(ada); len(g.Approvals) != 0 {
		w.t.Error("an approval is left")
	}
	check(w.t, w.Token(ada, create))
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
	w := &world{World: consenttest.NewOn(t, store), t: t}
	o := &crashOrder{
		Do: name, At: at, After: after, Project: project, GoogleAt: w.GoogleURL,
		Keyset: w.Keyset.Reveal(), Lookup: w.LookupKeys.Reveal(),
	}
	d.prepare(w, o)
	o.Now = w.Now()
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
	w.Instance = consenttest.NewInstance(w.Instance.Deps)
	d.after(w)
	if t.Failed() {
		t.Fatalf("killed at call %d, after it: %v; log: %s", at, after, w.Log)
	}
	return true
}

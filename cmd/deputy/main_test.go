package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tink-crypto/tink-go/v2/tink"
	"golang.org/x/oauth2"
	"google.golang.org/api/option"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/production"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/seal/kms"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
	"example.com/deputy/shared/words"
)

const kek = "gcp-kms://projects/p/locations/global/keyRings/deputy/cryptoKeys/keysets"

// driver runs the program with a store and keysets of its own.
type driver struct {
	quota          string // the project that Google counts calls for
	t              testing.TB
	docs           *memory.Docs
	keyset, lookup config.Secret
	key            tink.AEADWithContext
	google         string // address of the emulator
	isTerminal     bool
	columns        int
	openErr        error               // returned by open
	callers        string              // path of the callers file
	beforeWrite    func(callers.Store) // called before the next write of the callers file
	audited        []string            // acts in the project's log
	logErr         error               // returned by writeLog
	env            map[string]string
	variables      func(string) (string, bool) // of the last open
	cloud          *cloud                      // what gcloud and the functions answer
	host           *host                       // a person's own machine
}

func newDriver(t testing.TB) *driver {
	t.Helper()
	emulator := google.New(google.Config{ClientSecret: "s", Now: time.Now})
	server := httptest.NewServer(emulator.Handler())
	t.Cleanup(server.Close)
	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: emulator.ServiceToken()})
	key, err := kms.New(t.Context(), kek, option.WithEndpoint(server.URL+"/"), option.WithTokenSource(source))
	check(t, err)
	d := &driver{t: t, docs: &memory.Docs{}, key: key, google: server.URL}
	d.callers = filepath.Join(t.TempDir(), "callers.yaml")
	d.keyset, d.lookup, err = seal.Generate()
	check(t, err)
	return d
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run runs the program with in on standard input.
func (d *driver) run(in config.Secret, args ...string) (code int, out config.Secret, stderr string) {
	d.t.Helper()
	var stdout, errOut bytes.Buffer
	if d.cloud == nil {
		d.cloud = &cloud{}
	}
	o := deps{
		in: strings.NewReader(in.Reveal()), out: &stdout, err: &errOut, isTerminal: d.isTerminal, columns: d.columns,
		lookupEnv: func(name string) (string, bool) { value, ok := d.env[name]; return value, ok },
		now:       time.Now, gcloud: d.cloud.gcloud, get: d.cloud.get, tryDelegation: d.cloud.tryDelegation,
		open: func(_ context.Context, lookup func(string) (string, bool)) (*production.Parts, error) {
			d.variables = lookup
			return d.parts(), d.openErr
		},
		setQuotaProject: func(project string) { d.quota = project },
		openCallers: func(ctx context.Context, location string) (callers.Store, error) {
			if location != "gs://p-deputy-callers/callers.yaml" {
				d.t.Errorf("opened another file: %s", location)
			}
			s, err := callers.OpenStore(ctx, d.callers)
			return racingStore{s, &d.beforeWrite}, err
		},
		writeLog: func(_ context.Context, project string, line map[string]any) error {
			if project != "p" || d.logErr != nil {
				return d.logErr
			}
			d.audited = append(d.audited, fmt.Sprint(line["action"]))
			return nil
		},
		openKEK: func(_ context.Context, uri string) (tink.AEADWithContext, error) {
			if uri != kek {
				d.t.Errorf("opened another key: %s", uri)
			}
			return d.key, nil
		},
	}
	if d.host != nil {
		d.host.configure(&o)
	}
	code = run(d.t.Context(), args, o)
	return code, config.NewSecret(stdout.String()), errOut.String()
}

func (d *driver) parts() *production.Parts {
	d.t.Helper()
	keys, err := seal.New(d.keyset, d.lookup, "project", "client")
	check(d.t, err)
	endpoints := googleauth.Endpoints{Token: d.google + "/token", Revocation: d.google + "/revoke"}
	client := googleauth.Client{ID: "client", Secret: config.NewSecret("s")}
	v := vault.New(d.docs, keys, time.Now)
	return &production.Parts{Vault: v, Grants: grants.New(grants.Deps{
		Vault: v, Keys: keys, ClientID: "client", Google: googleauth.NewProvider(endpoints, client, "", nil),
		Log: logging.NewText(d.t.Output()), Now: time.Now,
	})}
}

// mustRun runs the program and fails the test unless it exits with 0.
func (d *driver) mustRun(in config.Secret, args ...string) (config.Secret, string) {
	d.t.Helper()
	code, out, stderr := d.run(in, args...)
	if code != 0 {
		d.t.Fatalf("deputy %s: exit status %d: %s", strings.Join(args, " "), code, stderr)
	}
	return out, stderr
}

// saveGrants stores grants of n people.
func (d *driver) saveGrants(n int) {
	d.t.Helper()
	for i := range n {
		_, err := d.parts().Vault.SaveGrant(d.t.Context(), vault.Grant{
			Person: resource.Person(fmt.Sprintf("users/%d", i)), ClientID: "client", Status: vault.Connected,
			ConnectedAt: time.Now(), EmailAt: time.Now(), RefreshDay: time.Now(),
			RefreshToken: config.NewSecret("1//0x"), Email: config.NewSecret("a@example.com"),
		})
		check(d.t, err)
	}
}

func TestKeys_Rotation(t *testing.T) {
	d := newDriver(t)
	d.saveGrants(3)
	old, err := seal.Describe(d.keyset)
	check(t, err)
	added, stderr := d.mustRun(d.keyset, "keys", "add")
	if !strings.Contains(stderr, "deploy it everywhere, then run deputy keys promote") {
		t.Errorf("stderr: %s", stderr)
	}
	promoted, stderr := d.mustRun(added, "keys", "promote")
	if code, _, _ := d.run(promoted, "keys", "promote"); code == 0 {
		t.Error("a second promote made the old key primary")
	}
	if !strings.Contains(stderr, "deputy keys reseal") {
		t.Errorf("stderr: %s", stderr)
	}
	d.keyset = promoted
	for _, want := range []string{
		`{"seen":3,"resealed":3,"unopened":0,"changed":0}`, `{"seen":3,"resealed":0,"unopened":0,"changed":0}`,
	} {
		if out, _ := d.mustRun(config.Secret{}, "keys", "reseal", "--json"); strings.TrimSpace(out.Reveal()) != want {
			t.Errorf("got %s, want %s", out.Reveal(), want)
		}
	}
	disabled, _ := d.mustRun(promoted, "keys", "disable", "--key", fmt.Sprint(old[0].ID))
	list, _ := d.mustRun(disabled, "keys", "list")
	if text := list.Reveal(); strings.Count(text, "\n") != 2 ||
		!strings.Contains(text, fmt.Sprintf("%-10d disabled", old[0].ID)) ||
		!strings.Contains(text, "seals and opens") {
		t.Errorf("list: %s", text)
	}
	d.keyset = disabled
	if _, err := d.parts().Vault.Grant(t.Context(), "users/1"); err != nil {
		t.Errorf("grant: %v", err)
	}
}

func TestKeys_LookupRotation(t *testing.T) {
	d := newDriver(t)
	d.saveGrants(1)
	added, _ := d.mustRun(d.lookup, "keys", "add")
	d.lookup, _ = d.mustRun(added, "keys", "promote")
	if person, err := d.parts().Grants.FindByEmail(t.Context(), "a@example.com"); err != nil || person != "users/0" {
		t.Errorf("before reseal: %s, %v", person, err)
	}
	out, _ := d.mustRun(config.Secret{}, "keys", "reseal", "--json")
	if !strings.Contains(out.Reveal(), `"resealed":1`) {
		t.Errorf("got %s", out.Reveal())
	}
}

func TestKeys_Wrapped(t *testing.T) {
	d := newDriver(t)
	for _, kind := range []string{"keyset", "lookup"} {
		text, _ := d.mustRun(config.Secret{}, "keys", "new", kind, "--kek", kek)
		text, _ = d.mustRun(text, "keys", "add", "--kek", kek)
		text, _ = d.mustRun(text, "keys", "promote", "--kek", kek)
		if strings.Contains(text.Reveal(), `"keyData"`) {
			t.Errorf("%s: a key is in clear text", kind)
		}
		var keys []seal.Key
		out, _ := d.mustRun(text, "keys", "list", "--json", "--kek", kek)
		if err := json.Unmarshal([]byte(out.Reveal()), &keys); err != nil || len(keys) != 2 || !keys[1].Primary {
			t.Errorf("%s: %v, %v", kind, keys, err)
		}
		if code, _, stderr := d.run(text, "keys", "add"); code != exitFailure ||
			!strings.Contains(stderr, "If a KMS key wraps it, name that key") {
			t.Errorf("%s without --kek: %d, %s", kind, code, stderr)
		}
	}
	if code, _, stderr := d.run(d.keyset, "keys", "add", "--kek", kek); code != exitFailure ||
		!strings.Contains(stderr, "If it is in clear text, omit --kek") {
		t.Errorf("clear text with --kek: %d, %s", code, stderr)
	}
}

func TestKeys_NotPrintedToTerminal(t *testing.T) {
	d := newDriver(t)
	d.isTerminal = true
	code, out, stderr := d.run(config.Secret{}, "keys", "new", "keyset")
	if code != exitFailure || !out.Empty() || !strings.Contains(stderr, "Pipe it to gcloud secrets") {
		t.Errorf("exit status %d, printed %d characters, stderr: %s", code, len(out.Reveal()), stderr)
	}
	out, _ = d.mustRun(config.Secret{}, "keys", "new", "keyset", "--show")
	if !strings.Contains(out.Reveal(), "primaryKeyId") {
		t.Error("--show printed nothing")
	}
}

func TestRun_UsageErrors(t *testing.T) {
	d := newDriver(t)
	second, _ := d.mustRun(d.keyset, "keys", "add")
	third, _ := d.mustRun(second, "keys", "add")
	for _, c := range []struct {
		in   config.Secret
		args string
		code int
		want string
	}{
		{config.Secret{}, "nope", exitUsage, `unknown command "nope"`},
		{config.Secret{}, "keys nope", exitUsage, "deputy keys: expected a subcommand"},
		{config.Secret{}, "keys new", exitUsage, "expected keyset or lookup"},
		{config.Secret{}, "keys new both", exitUsage, `got "both"`},
		{config.Secret{}, "keys add", exitFailure, "not a Tink JSON keyset"},
		{d.keyset, "keys add x", exitUsage, "the keyset on standard input"},
		{d.keyset, "keys disable", exitUsage, "key"},
		{d.keyset, "keys disable --key x", exitUsage, "invalid argument"},
		{d.keyset, "keys promote", exitFailure, "has 0 enabled keys that are newer"},
		{third, "keys promote", exitFailure, "has 2 enabled keys that are newer"},
		{d.keyset, "keys promote --key 1", exitFailure, "does not allow that"},
		{config.Secret{}, "sweep --for x", exitUsage, "invalid argument"},
		{config.Secret{}, "sweep --KEYSET=secret", exitUsage, "unknown flag"},
	} {
		code, out, stderr := d.run(c.in, strings.Fields(c.args)...)
		if code != c.code || !out.Empty() || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: got exit status %d and %q; want %d and %q", c.args, code, stderr, c.code, c.want)
		}
		if strings.Contains(stderr, "keyData") {
			t.Errorf("%s: stderr has a key", c.args)
		}
	}
}

func TestSweep_Output(t *testing.T) {
	d := newDriver(t)
	for i := range 3 {
		_, err := d.parts().Vault.SaveGrant(t.Context(), vault.Grant{
			Person: resource.Person(fmt.Sprintf("users/%d", i)), ClientID: "client", Status: vault.Revoked,
			Due: time.Now().Add(-time.Hour),
		})
		check(t, err)
	}
	out, _ := d.mustRun(config.Secret{}, "sweep", "--json")
	var done grants.SweepResult
	if err := json.Unmarshal([]byte(out.Reveal()), &done); err != nil || done.Seen != 3 || !done.Finished {
		t.Errorf("got %s, %v", out.Reveal(), err)
	}
	if out, _ := d.mustRun(config.Secret{}, "sweep"); !strings.Contains(out.Reveal(), "seen       0\n") {
		t.Errorf("text: %s", out.Reveal())
	}
}

func TestRun_TemporaryFailure(t *testing.T) {
	d := newDriver(t)
	d.openErr = &fault.Error{Kind: fault.Unavailable, Public: words.ErrorNotSetUp, Err: errors.New("KEYSET is not set")}
	for _, args := range [][]string{{"sweep"}, {"keys", "reseal"}} {
		if code, out, stderr := d.run(config.Secret{}, args...); code != exitTemporary || !out.Empty() ||
			!strings.Contains(stderr, "KEYSET is not set") {
			t.Errorf("%v: exit status %d: %s", args, code, stderr)
		}
	}
}

// Google counts an operator's calls for the project that the command names, not for the one of their credentials.
func TestQuotaProject(t *testing.T) {
	for _, c := range []struct {
		want string
		args []string
	}{
		{"p", []string{"callers", "list", "--project", "p"}},
		{"p", []string{"keys", "new", "keyset", "--kek", kek}},
		{"env", []string{"sweep"}},
		{"", []string{"keys", "new", "keyset"}},
	} {
		d := newDriver(t)
		if c.want == "env" {
			d.env = map[string]string{"GOOGLE_CLOUD_PROJECT": "env"}
		}
		_, _, _ = d.run(config.Secret{}, c.args...)
		if d.quota != c.want {
			t.Errorf("%v: %q, want %q", c.args, d.quota, c.want)
		}
	}
}

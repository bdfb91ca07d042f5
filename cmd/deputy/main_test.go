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

// desk is an operator's desk: a store, keysets, and the program.
type desk struct {
	t              testing.TB
	docs           *memory.Docs
	keyset, lookup config.Secret
	key            tink.AEADWithContext
	google         string // address of the stand-in
	terminal       bool
	columns        int
	absent         error               // why the store cannot be had
	callers        string              // the path of the file of callers
	between        func(callers.Store) // what happens before the next write of it
	audited        []string            // acts in the project's log
	silent         error               // why that cannot be written
	env            map[string]string
	cloud          *cloud // what gcloud and the functions say
	home           *home  // a person's own desk
}

func begin(t testing.TB) *desk {
	t.Helper()
	standIn := google.New(google.Config{ClientSecret: "s", Now: time.Now})
	server := httptest.NewServer(standIn.Handler())
	t.Cleanup(server.Close)
	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: standIn.ServiceToken()})
	key, err := kms.New(t.Context(), kek, option.WithEndpoint(server.URL+"/"), option.WithTokenSource(source))
	check(t, err)
	d := &desk{t: t, docs: &memory.Docs{}, key: key, google: server.URL, callers: filepath.Join(t.TempDir(), "callers.yaml")}
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

// run runs the program with this on standard input.
func (d *desk) run(in config.Secret, args ...string) (code int, out config.Secret, said string) {
	d.t.Helper()
	var stdout, stderr bytes.Buffer
	if d.cloud == nil {
		d.cloud = &cloud{}
	}
	o := outside{
		lookup: func(name string) (string, bool) { value, ok := d.env[name]; return value, ok },
		now:    time.Now, gcloud: d.cloud.gcloud, get: d.cloud.get, mint: d.cloud.mint,
		in: strings.NewReader(in.Reveal()), out: &stdout, err: &stderr, terminal: d.terminal, columns: d.columns,
		open: func(context.Context) (*production.Parts, error) { return d.parts(), d.absent },
		store: func(ctx context.Context, location string) (callers.Store, error) {
			if location != "gs://p-deputy-callers/callers.yaml" {
				d.t.Errorf("another file is asked for: %s", location)
			}
			s, err := callers.OpenStore(ctx, d.callers)
			return busy{s, &d.between}, err
		},
		log: func(_ context.Context, project string, line map[string]any) error {
			if project != "p" || d.silent != nil {
				return d.silent
			}
			d.audited = append(d.audited, fmt.Sprint(line["act"]))
			return nil
		},
		kek: func(_ context.Context, uri string) (tink.AEADWithContext, error) {
			if uri != kek {
				d.t.Errorf("another key is asked for: %s", uri)
			}
			return d.key, nil
		},
	}
	if d.home != nil {
		d.home.into(&o)
	}
	code = run(d.t.Context(), args, o)
	return code, config.NewSecret(stdout.String()), stderr.String()
}

func (d *desk) parts() *production.Parts {
	d.t.Helper()
	keys, err := seal.New(d.keyset, d.lookup, "project", "client")
	check(d.t, err)
	at := googleauth.Endpoints{Token: d.google + "/token", Revocation: d.google + "/revoke"}
	v := vault.New(d.docs, keys, time.Now)
	return &production.Parts{Vault: v, Grants: grants.New(grants.Deps{
		Vault: v, Keys: keys, ClientID: "client", Google: googleauth.NewProvider(at, googleauth.Client{ID: "client", Secret: config.NewSecret("s")}, "", nil), Log: logging.NewText(d.t.Output()), Now: time.Now,
	})}
}

// does runs the program and wants it to end well.
func (d *desk) does(in config.Secret, args ...string) (config.Secret, string) {
	d.t.Helper()
	code, out, said := d.run(in, args...)
	if code != 0 {
		d.t.Fatalf("deputy %s ended with %d: %s", strings.Join(args, " "), code, said)
	}
	return out, said
}

func (d *desk) people(n int) {
	d.t.Helper()
	for i := range n {
		_, err := d.parts().Vault.SaveGrant(d.t.Context(), vault.Grant{
			Person: resource.Person(fmt.Sprintf("users/%d", i)), ClientID: "client", Connected: time.Now(), EmailAt: time.Now(), Status: vault.Connected, RefreshToken: config.NewSecret("1//0x"), RefreshDay: time.Now(), Email: config.NewSecret("a@example.com"),
		})
		check(d.t, err)
	}
}

func TestARotationFromTheFirstStepToTheLast(t *testing.T) {
	d := begin(t)
	d.people(3)
	old, err := seal.Describe(d.keyset)
	check(t, err)
	added, said := d.does(d.keyset, "keys", "add")
	if !strings.Contains(said, "deploy this everywhere, then run: deputy keys promote") {
		t.Errorf("said: %s", said)
	}
	promoted, said := d.does(added, "keys", "promote")
	if code, _, _ := d.run(promoted, "keys", "promote"); code == 0 {
		t.Error("promoting twice puts the old key back")
	}
	if !strings.Contains(said, "deputy keys reseal") {
		t.Errorf("said: %s", said)
	}
	d.keyset = promoted
	for _, want := range []string{`{"seen":3,"resealed":3,"unopened":0,"changed":0}`, `{"seen":3,"resealed":0,"unopened":0,"changed":0}`} {
		if out, _ := d.does(config.Secret{}, "keys", "reseal", "--json"); strings.TrimSpace(out.Reveal()) != want {
			t.Errorf("got %s, want %s", out.Reveal(), want)
		}
	}
	disabled, _ := d.does(promoted, "keys", "disable", "--key", fmt.Sprint(old[0].ID))
	list, _ := d.does(disabled, "keys", "list")
	if text := list.Reveal(); strings.Count(text, "\n") != 2 || !strings.Contains(text, fmt.Sprintf("%-10d disabled", old[0].ID)) || !strings.Contains(text, "seals and opens") {
		t.Errorf("list: %s", text)
	}
	d.keyset = disabled
	if _, err := d.parts().Vault.Grant(t.Context(), "users/1"); err != nil {
		t.Errorf("a grant: %v", err)
	}
}

func TestALookupKeysetRotatesTheSameWay(t *testing.T) {
	d := begin(t)
	d.people(1)
	added, _ := d.does(d.lookup, "keys", "add")
	d.lookup, _ = d.does(added, "keys", "promote")
	if who, err := d.parts().Grants.FindByEmail(t.Context(), "a@example.com"); err != nil || who != "users/0" {
		t.Errorf("before resealing: %s, %v", who, err)
	}
	if out, _ := d.does(config.Secret{}, "keys", "reseal", "--json"); !strings.Contains(out.Reveal(), `"resealed":1`) {
		t.Errorf("got %s", out.Reveal())
	}
}

func TestWrappedKeysetsStayWrapped(t *testing.T) {
	d := begin(t)
	for _, which := range []string{"keyset", "lookup"} {
		text, _ := d.does(config.Secret{}, "keys", "new", which, "--kek", kek)
		text, _ = d.does(text, "keys", "add", "--kek", kek)
		text, _ = d.does(text, "keys", "promote", "--kek", kek)
		if strings.Contains(text.Reveal(), `"keyData"`) {
			t.Errorf("%s: a key is in clear text", which)
		}
		var keys []seal.Key
		out, _ := d.does(text, "keys", "list", "--json", "--kek", kek)
		if err := json.Unmarshal([]byte(out.Reveal()), &keys); err != nil || len(keys) != 2 || !keys[1].Primary {
			t.Errorf("%s: %v, %v", which, keys, err)
		}
		if code, _, said := d.run(text, "keys", "add"); code != failed || !strings.Contains(said, "If a KMS key wraps it, name that key") {
			t.Errorf("%s without --kek: %d, %s", which, code, said)
		}
	}
	if code, _, said := d.run(d.keyset, "keys", "add", "--kek", kek); code != failed || !strings.Contains(said, "If it is in clear text, leave --kek out") {
		t.Errorf("clear text with --kek: %d, %s", code, said)
	}
}

func TestAKeysetIsNotPrintedToATerminal(t *testing.T) {
	d := begin(t)
	d.terminal = true
	code, out, said := d.run(config.Secret{}, "keys", "new", "keyset")
	if code != failed || !out.Empty() || !strings.Contains(said, "pipe it into gcloud secrets") {
		t.Errorf("ended with %d, printed %d characters, said %s", code, len(out.Reveal()), said)
	}
	if out, _ := d.does(config.Secret{}, "keys", "new", "keyset", "--show"); !strings.Contains(out.Reveal(), "primaryKeyId") {
		t.Error("--show shows nothing")
	}
}

func TestWhoCallsItWronglyIsToldHow(t *testing.T) {
	d := begin(t)
	second, _ := d.does(d.keyset, "keys", "add")
	third, _ := d.does(second, "keys", "add")
	for _, c := range []struct {
		in   config.Secret
		args string
		code int
		want string
	}{
		{config.Secret{}, "nope", wrongUse, `unknown command "nope"`},
		{config.Secret{}, "keys nope", wrongUse, "deputy keys wants one of its commands"},
		{config.Secret{}, "keys new", wrongUse, "wants keyset or lookup"},
		{config.Secret{}, "keys new both", wrongUse, `not "both"`},
		{config.Secret{}, "keys add", failed, "not a Tink JSON keyset"},
		{d.keyset, "keys add x", wrongUse, "the keyset on standard input"},
		{d.keyset, "keys disable", wrongUse, "key"},
		{d.keyset, "keys disable --key x", wrongUse, "invalid argument"},
		{d.keyset, "keys promote", failed, "has 0 enabled keys that are newer"},
		{third, "keys promote", failed, "has 2 enabled keys that are newer"},
		{d.keyset, "keys promote --key 1", failed, "does not allow that"},
		{config.Secret{}, "sweep --for x", wrongUse, "invalid argument"},
		{config.Secret{}, "sweep --KEYSET=secret", wrongUse, "unknown flag"},
	} {
		code, out, said := d.run(c.in, strings.Fields(c.args)...)
		if code != c.code || !out.Empty() || !strings.Contains(said, c.want) {
			t.Errorf("%s: ended with %d, said %q; want %d and %q", c.args, code, said, c.code, c.want)
		}
		if strings.Contains(said, "keyData") {
			t.Errorf("%s: a key is in what it says", c.args)
		}
	}
}

func TestSweepSaysWhatItDid(t *testing.T) {
	d := begin(t)
	for i := range 3 {
		_, err := d.parts().Vault.SaveGrant(t.Context(), vault.Grant{
			Person: resource.Person(fmt.Sprintf("users/%d", i)), ClientID: "client", Status: vault.Revoked, Due: time.Now().Add(-time.Hour),
		})
		check(t, err)
	}
	out, _ := d.does(config.Secret{}, "sweep", "--json")
	var done grants.SweepResult
	if err := json.Unmarshal([]byte(out.Reveal()), &done); err != nil || done.Seen != 3 || !done.Finished {
		t.Errorf("got %s, %v", out.Reveal(), err)
	}
	if out, _ := d.does(config.Secret{}, "sweep"); !strings.Contains(out.Reveal(), "seen       0\n") {
		t.Errorf("in words: %s", out.Reveal())
	}
}

func TestWhatDoesNotAnswerIsTold(t *testing.T) {
	d := begin(t)
	d.absent = &fault.Error{Kind: fault.Unavailable, Public: words.ErrorNotSetUp, Err: errors.New("KEYSET is not set")}
	for _, args := range [][]string{{"sweep"}, {"keys", "reseal"}} {
		if code, out, said := d.run(config.Secret{}, args...); code != tryingAgain || !out.Empty() || !strings.Contains(said, "KEYSET is not set") {
			t.Errorf("%v: ended with %d: %s", args, code, said)
		}
	}
}

package operations_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// failReads makes the store fail all reads.
func failReads(w *world) {
	w.Docs.Inject = func(_ context.Context, c vaulttest.Call) error {
		if !c.Write {
			return storeDown
		}
		return nil
	}
}

func outcomeOf(t *testing.T, w *world) string {
	t.Helper()
	lines := w.Lines("audit")
	if len(lines) == 0 {
		t.Fatal("no audit line")
	}
	_, line, _ := strings.Cut(lines[len(lines)-1], "msg=audit ")
	return line
}

func TestGetConnection(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Connect(kim, capability.Meet)
		get := func(person resource.Named, change func(*callers.Caller)) (grants.Connection, error) {
			c := call("")
			c.Person = person
			change(&c.Caller)
			return w.GetConnection(t.Context(), c)
		}
		asCI := func(*callers.Caller) {}
		for _, person := range []resource.Named{"ada@example.com", resource.Named(ada.User())} {
			got, err := get(person, asCI)
			if err != nil || !got.Connected || len(got.Allowed) != len(capability.All()) {
				t.Errorf("%s: %+v, %v", person, got, err)
			}
		}
		for name, person := range map[string]resource.Named{
			"never connected": "grace@example.com", "unknown ID": "users/1",
			"in another organization": resource.Named(kim.User()),
		} {
			got, err := get(person, asCI)
			if diff := cmp.Diff(grants.Connection{}, got); err != nil || diff != "" {
				t.Errorf("%s: %v %s", name, err, diff)
			}
		}
		_, err := get("kim@partner.example", asCI)
		wantKind(t, "a person whom the file does not allow", err, fault.Denied)
		_, err = get("ada@example.com", func(c *callers.Caller) { c.Actions = nil })
		wantKind(t, "an action that the file does not allow", err, fault.Denied)
		w.ChangeGrant(ada, func(g *vault.Grant) { g.Status = vault.Suspended })
		got, err := get("ada@example.com", asCI)
		if err != nil || got.Connected || got.Domain != "" {
			t.Errorf("suspended: %+v, %v", got, err)
		}
		failReads(w)
		_, err = get("ada@example.com", asCI)
		wantKind(t, "the store is down", err, fault.Unavailable)
		if line := outcomeOf(t, w); !strings.HasSuffix(line, "outcome=unavailable") {
			t.Error(line)
		}
	})
}

func TestInvitePerson(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*operations.Call)
		asked  capability.Capability
		want   fault.Kind // Internal for success
	}{
		"connected or not": {func(*operations.Call) {}, capability.Meet, fault.Internal},
		"action not in the file": {
			func(c *operations.Call) { c.Caller.Actions = without(callers.Actions(), "people.invite") },
			capability.Meet, fault.Denied,
		},
		"administrator": {func(*operations.Call) {}, capability.AdminSpaces, fault.Internal},
		"administrator without the authority": {
			func(c *operations.Call) {
				c.Caller.Authorities = without(callers.Authorities(), callers.AuthorityAdmin)
			},
			capability.AdminSpaces, fault.Denied,
		},
		"person without the authority admin": {
			func(c *operations.Call) {
				c.Caller.Authorities = without(callers.Authorities(), callers.AuthorityAdmin)
			},
			capability.Meet, fault.Internal,
		},
		"another organization": {
			func(c *operations.Call) { c.Person = "kim@partner.example" }, capability.Meet, fault.Denied,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				asked := call("")
				asked.Person = "grace@example.com"
				c.change(&asked)
				link, err := w.InvitePerson(t.Context(), asked, []capability.Capability{capability.ReadSpaces, c.asked})
				outcome := "ok"
				if c.want == fault.Internal {
					check(t, err)
				} else {
					wantKind(t, "the invitation", err, c.want)
					outcome = c.want.String()
				}
				if invited := strings.HasPrefix(link.Reveal(), "https://deputy.test/"); invited != (err == nil) {
					t.Errorf("link %q", link.Reveal())
				}
				want := "action=people.invite authority=user caller_id=ci person=" + string(asked.Person) +
					` target="" resource="" request="" repeated=false outcome=` + outcome
				if diff := cmp.Diff(want, outcomeOf(t, w)); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestAcceptPerson(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from       google.Person
		clientType string
		redirect   string
		change     func(*operations.Call)
		want       fault.Kind // Internal for success
		text       string
	}{
		"Android":     {grace, "ANDROID", "", nil, fault.Internal, ""},
		"iOS":         {grace, "IOS", "", nil, fault.Internal, ""},
		"Chrome":      {grace, "CHROME", "postmessage", nil, fault.Internal, ""},
		"single page": {grace, "SINGLE_PAGE", "postmessage", nil, fault.Internal, ""},
		"TV": {
			grace, "TV_AND_LIMITED_INPUT", "", nil, fault.Invalid, "can't connect a person",
		},
		"action not in the file": {grace, "ANDROID", "", func(c *operations.Call) {
			c.Caller.Actions = without(callers.Actions(), "people.connect")
		}, fault.Denied, "isn't allowed"},
		"TV, action not in the file": {grace, "TV_AND_LIMITED_INPUT", "", func(c *operations.Call) {
			c.Caller.Actions = without(callers.Actions(), "people.connect")
		}, fault.Denied, "isn't allowed"},
		"another person's code": {ada, "ANDROID", "", nil, fault.Invalid, "a different account"},
		"another organization": {kim, "ANDROID", "", func(c *operations.Call) {
			c.Person = resource.Named(kim.User()) // its organization is known only after the exchange
		}, fault.Denied, "isn't allowed"},
		"unusable code": {grace, "CHROME", "other", nil, fault.Invalid, "Google rejected the code"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.AcceptCode(c.from, c.redirect, capability.CreateSpaces)
				asked := call("")
				asked.Person = "grace@example.com"
				if c.change != nil {
					c.change(&asked)
				}
				got, err := w.AcceptPerson(t.Context(), asked, operations.AppCode{
					Code: config.NewSecret("code"), ClientType: c.clientType,
				})
				line := outcomeOf(t, w)
				if c.want != fault.Internal {
					wantKind(t, "the code", err, c.want)
					if text := fault.Public(i18n.In("en"), err, ""); !strings.Contains(text, c.text) {
						t.Errorf("the caller reads %q", text)
					}
					if !strings.Contains(line, "person="+string(asked.Person)+" ") || got.Connected {
						t.Errorf("%s %+v", line, got)
					}
					return
				}
				check(t, err)
				allowed := []capability.Capability{capability.CreateSpaces}
				if !got.Connected || got.Via != "CI" || cmp.Diff(allowed, got.Allowed) != "" ||
					!strings.HasPrefix(line, "action=people.connect ") ||
					!strings.Contains(line, "person="+grace.User()) {
					t.Errorf("%+v %s", got, line)
				}
			})
		})
	}
}

func TestDisconnectPerson(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		disconnect := func(key resource.Key, person resource.Named) (grants.Outcome, error) {
			c := call(key)
			c.Person = person
			return w.DisconnectPerson(t.Context(), c)
		}
		for range 2 {
			got, err := disconnect("a-key", "ada@example.com")
			if err != nil || got != grants.Revoked || w.Google.Count("revoke") != 1 {
				t.Errorf("%v, %v", got, err)
			}
		}
		line, id := outcomeOf(t, w), operations.Digest("ci", "a-key")[:32]
		if !strings.HasSuffix(line, "request="+id+" repeated=true outcome=ok") ||
			!strings.HasPrefix(line, "action=people.disconnect ") {
			t.Error(line)
		}
		if diff := cmp.Diff([]string{"CI people.disconnect user"}, status(w.Activities(ada))); diff != "" {
			t.Error(diff)
		}
		w.Connect(ada, capability.All()...) // again, of her own will
		got, err := disconnect("a-key", "ada@example.com")
		if err != nil || got != grants.Revoked || w.Google.Count("revoke") != 1 {
			t.Errorf("a late repetition: %v, %v", got, err)
		}
		got, err = disconnect("b-key", "grace@example.com")
		if err != nil || got != grants.NotConnected {
			t.Errorf("never connected: %v, %v", got, err)
		}
		w.Connect(grace, capability.Meet)
		got, err = disconnect("b-key", "grace@example.com")
		if err != nil || got != grants.NotConnected || w.Google.Count("revoke") != 1 {
			t.Errorf("a repetition after she connected: %v, %v", got, err)
		}
		w.Connect(kim, capability.Meet)
		got, err = disconnect("c-key", resource.Named(kim.User()))
		if err != nil || got != grants.NotConnected || w.Google.Count("revoke") != 1 {
			t.Errorf("in another organization: %v, %v", got, err)
		}
		_, err = disconnect("d-key", "kim@partner.example")
		wantKind(t, "a person whom the file does not allow", err, fault.Denied)
	})
}

// A grant that does not open names no organization. Its person can still be disconnected.
func TestDisconnectPerson_Broken(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		doc, err := w.Docs.Get(t.Context(), "grants", ada.Sub)
		check(t, err)
		sealed := doc.Fields["sealed"].([]byte)
		sealed[len(sealed)-1] ^= 1
		_, err = w.Docs.Replace(t.Context(), "grants", ada.Sub, doc.Fields, doc.Version)
		check(t, err)
		c := call("a-key")
		c.Person = resource.Named(ada.User())
		got, err := w.DisconnectPerson(t.Context(), c)
		if err != nil || got != grants.Erased {
			t.Errorf("%v, %v", got, err)
		}
		if _, err := w.Docs.Get(t.Context(), "grants", ada.Sub); fault.KindOf(err) != fault.NotFound {
			t.Errorf("the record: %v", err)
		}
	})
}

func TestDisconnectPerson_StoreDown(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Docs.Docs = brokenErase{w.Docs.Docs}
		_, err := w.DisconnectPerson(t.Context(), call("a-key"))
		wantKind(t, "the grant can't be marked", err, fault.Unavailable)
		if got := w.Activities(ada); len(got) != 0 {
			t.Errorf("/status says %v", got)
		}
		failReads(w)
		_, err = w.DisconnectPerson(t.Context(), call("b-key"))
		wantKind(t, "the store is down", err, fault.Unavailable)
	})
}

// brokenErase does not change grants.
type brokenErase struct{ vault.Docs }

func (b brokenErase) Replace(
	ctx context.Context, name vault.Collection, id string, f vault.Fields, at vault.Version,
) (vault.Version, error) {
	if name == "grants" {
		return "", storeDown
	}
	return b.Docs.Replace(ctx, name, id, f, at)
}

package main

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

var (
	alan = google.People()[2] // an administrator
	kim  = google.People()[3] // of another organization
)

// operation is one of the API that acts as somebody.
type operation struct {
	right, method, path, body string // {as}, {by}, {space}
	google                    string // the first method of Google's that it cannot do without
	admin                     bool   // an administrator's right reaches it
}

var acting = []operation{
	{"spaces.create", "POST", "/v1/spaces", `{"actAs":"{as}","authority":"{by}","displayName":"Made by {by}"}`, "chat.spaces.setup", false},
	{"spaces.read", "GET", "/v1/spaces?actAs={as}&authority={by}", "", "chat.spaces.list", true},
	{"spaces.read", "GET", "/v1/spaces?actAs={as}&authority={by}&query=the", "", "chat.spaces.search", true},
	{"spaces.read", "GET", "/v1/spaces/{space}?actAs={as}&authority={by}", "", "chat.spaces.get", true},
	{"spaces.update", "PATCH", "/v1/spaces/{space}?updateMask=description", `{"actAs":"{as}","authority":"{by}","description":"New"}`, "chat.spaces.patch", true},
	{"spaces.delete", "DELETE", "/v1/spaces/{space}?actAs={as}&authority={by}&confirm={name}", "", "chat.spaces.delete", true},
	{"members.read", "GET", "/v1/spaces/{space}/members?actAs={as}&authority={by}", "", "chat.spaces.members.list", true},
	{"members.read", "GET", "/v1/spaces/{space}/members/grace@example.com?actAs={as}&authority={by}", "", "chat.spaces.members.get", true},
	{"members.write", "POST", "/v1/spaces/{space}/members", `{"actAs":"{as}","authority":"{by}","members":["member-1@example.com"]}`, "chat.spaces.members.create", true},
	{"members.write", "PATCH", "/v1/spaces/{space}/members/grace@example.com", `{"actAs":"{as}","authority":"{by}","role":"OWNER"}`, "chat.spaces.members.patch", true},
	{"members.write", "DELETE", "/v1/spaces/{space}/members/grace@example.com?actAs={as}&authority={by}", "", "chat.spaces.members.delete", true},
	{"messages.create", "POST", "/v1/spaces/{space}/messages", `{"actAs":"{as}","authority":"{by}","text":"Hello"}`, "chat.spaces.messages.create", false},
	{"meetings.create", "POST", "/v1/spaces/{space}/meetings", `{"actAs":"{as}","authority":"{by}"}`, "meet.spaces.create", false},
}

func (o operation) googles(by string) string {
	if by == "admin" && o.google == "chat.spaces.list" {
		return "chat.spaces.search" // there is no list for administrators
	}
	return o.google
}

// way is one of the ways to act as somebody, all set up.
type way struct {
	by      string
	as      google.Person
	founder google.Person // of the spaces that are acted on
	grant   bool          // by a grant, which has to be approved; else by delegation
}

var ways = map[string]way{
	"as a person":                            {"user", ada, ada, true},
	"as a person by delegation":              {"delegation", ada, ada, false},
	"as an administrator":                    {"admin", alan, ada, true},
	"as a named administrator by delegation": {"admin", alan, ada, false},
}

// record lets the incident tool do all of that.
func (x way) record() callers.Caller {
	c := caller()
	c.Actions, c.Authorities = everyAction, []vault.Authority{vault.Authority(x.by)}
	if x.by == "admin" && !x.grant {
		c.Administrators = []string{x.as.Email}
	}
	return c
}

// needs are all capabilities that the way may need.
func (x way) needs() []capability.Capability {
	return slices.DeleteFunc(capability.All(), func(c capability.Capability) bool { return c.Administers() != (x.by == "admin") })
}

// ready is a program where a way is open, but for what leave names.
func (x way) ready(t *testing.T, leave string, change func(*callers.Caller)) *world {
	t.Helper()
	w := begin(t)
	c := x.record()
	if change != nil {
		change(&c)
	}
	w.put(t, c)
	if !x.grant {
		if leave != "scopes" {
			var scopes []string
			for _, capability := range x.needs() {
				scopes = append(scopes, capability.Scope())
			}
			w.google.SetDelegation(delegating, scopes...)
		} else {
			w.google.SetDelegation(delegating, "https://www.googleapis.com/auth/drive")
		}
		return w
	}
	if leave != "approval" {
		defer func() { w.approved(t, x.as, c.ID, x.by) }() // once they are connected
	}
	needs := x.needs()
	switch leave {
	case "grant":
		return w
	case "scopes":
		needs = []capability.Capability{capability.AddTheApp} // something nobody asks for here
	}
	link, err := w.consent.Invite(t.Context(), resource.Named(x.as.User()), config.Secret{}, needs...)
	if err != nil {
		t.Fatal(err)
	}
	w.browser(t, x.as).consent(link.Reveal(), decide{as: x.as})
	return w
}

// approved lets a connected person have approved everything to a caller.
func (w *world) approved(t *testing.T, p google.Person, id, authority string) {
	t.Helper()
	g, err := w.vault.Grant(t.Context(), resource.Person(p.User()))
	if err == nil {
		g.Approve(id, vault.Authority(authority), everyAction, w.clock.now())
		_, err = w.vault.SaveGrant(t.Context(), g)
	}
	if err != nil && fault.KindOf(err) != fault.NotFound {
		t.Fatal(err)
	}
}

// do asks for an operation on a space of its own.
func (o operation) do(t *testing.T, w *world, x way, n int) answered {
	t.Helper()
	name := fmt.Sprintf("The-%d", n)
	space, ok := w.google.SpaceByName(name)
	if !ok {
		space = w.google.CreateSpace(name, x.founder, grace)
	}
	fill := strings.NewReplacer("{as}", x.as.Email, "{by}", x.by, "{space}", space.ID, "{name}", name).Replace
	return w.api(t, o.method, fill(o.path), fill(o.body), "Idempotency-Key", fmt.Sprintf("operation-%d", n))
}

// everyWay runs a test for each operation by each way.
func everyWay(t *testing.T, leave string, change func(*callers.Caller), test func(*testing.T, *world, way, operation, int)) {
	t.Parallel()
	for name, x := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := x.ready(t, leave, change)
			for n, o := range acting {
				test(t, w, x, o, n)
			}
		})
	}
}

func TestEveryOperationIsDoneByEveryAuthorityThatReachesItAndAudited(t *testing.T) {
	everyWay(t, "", nil, func(t *testing.T, w *world, x way, o operation, n int) {
		before, written := w.count(o.googles(x.by)), len(w.log.String())
		early := 0
		w.log.watch(func(line string) {
			if strings.Contains(line, "outcome=begun") {
				early = w.count(o.googles(x.by))
			}
		})
		got := o.do(t, w, x, n)
		line := "act=" + o.right + " authority=" + x.by + " caller_id=" + incidentTool
		if x.by == "admin" && !o.admin {
			if got.problem() != "invalid_request" || !strings.Contains(got.text, "Administrator access can't") || w.count(o.google) != before {
				t.Errorf("%s %s: %d %s", o.method, o.path, got.status, got.text)
			}
			return
		}
		if got.status >= 300 || w.count(o.googles(x.by)) != before+1 {
			t.Errorf("%s %s: %d %s, %d calls", o.method, o.path, got.status, got.text, w.count(o.googles(x.by))-before)
		}
		log := w.log.String()[written:]
		if !strings.Contains(log, line) {
			t.Errorf("%s %s: there is no %s", o.method, o.path, line)
		}
		if o.method != "GET" && !regexp.MustCompile("act="+o.right+` .* request=[0-9a-f]{32} .*outcome=ok`).MatchString(log) {
			t.Errorf("%s %s: no line names its request", o.method, o.path)
		}
		if begun := strings.Contains(log, "outcome=begun"); begun != (x.by != "user") || begun && early != before {
			t.Errorf("%s %s: a line that it begins: %v, after %d calls", o.method, o.path, begun, early-before)
		}
	})
}

func TestEveryOperationIsDeniedByPolicyBeforeAnythingIsLookedUp(t *testing.T) {
	for name, change := range map[string]func(*callers.Caller){
		"no such right": func(c *callers.Caller) { c.Actions = []string{"sweep"} },
		"another authority": func(c *callers.Caller) {
			c.Authorities = []vault.Authority{map[bool]vault.Authority{true: "delegation", false: "user"}[c.Authorities[0] != "delegation"]}
		},
		"another person": func(c *callers.Caller) { c.Domains, c.People = nil, []string{"grace@example.com"} },
		"paused":         func(c *callers.Caller) { c.Paused = true },
	} {
		t.Run(name, func(t *testing.T) {
			everyWay(t, "grant", change, func(t *testing.T, w *world, x way, o operation, n int) {
				w.api(t, "GET", "/v1/templates", "") // for the keys
				calls, reads := len(w.google.Calls()), w.docs.Reads()
				got := o.do(t, w, x, n)
				if w.docs.Reads() != reads {
					t.Errorf("%s %s: the store was asked before the policy", o.method, o.path)
				}
				if x.by == "admin" && !o.admin && name != "paused" {
					return // it is never possible, and that is said first
				}
				made := w.google.Calls()[calls:]
				made = slices.DeleteFunc(made, func(c google.Call) bool { return c.Method == "certs" })
				if got.problem() != "denied" || len(made) != 0 || strings.Contains(got.text, "invitation") {
					t.Errorf("%s %s: %d %s, %v", o.method, o.path, got.status, got.text, made)
				}
			})
		})
	}
}

func TestEveryOperationNeedsTheApprovalBeforeTheGrant(t *testing.T) {
	everyWay(t, "approval", nil, func(t *testing.T, w *world, x way, o operation, n int) {
		if x.by == "admin" && !o.admin {
			return
		}
		got := o.do(t, w, x, n)
		if !x.grant { // the organization has approved
			if got.status >= 300 {
				t.Errorf("%s %s: %d %s", o.method, o.path, got.status, got.text)
			}
			return
		}
		if got.problem() != "approval_required" || got.body["invitation"] == nil {
			t.Errorf("%s %s: %d %s", o.method, o.path, got.status, got.text)
		}
	})
}

func TestAnApprovalForOneAuthorityIsNoneForAnother(t *testing.T) {
	t.Parallel()
	x := ways["as an administrator"]
	w := x.ready(t, "approval", func(c *callers.Caller) { c.Authorities = []vault.Authority{"user", "admin"} })
	w.approved(t, x.as, incidentTool, "user")
	if got := w.api(t, "GET", "/v1/spaces?actAs=alan@example.com&authority=admin", ""); got.problem() != "approval_required" {
		t.Errorf("%d %s", got.status, got.text)
	}
}

func TestEveryOperationAsksForTheConsentOfWhoIsNotConnected(t *testing.T) {
	everyWay(t, "grant", nil, func(t *testing.T, w *world, x way, o operation, n int) {
		if x.by == "admin" && !o.admin {
			return
		}
		want, as := "approval_required", x // one link asks for both
		if !x.grant {
			want = "not_found" // whom the organization does not know
			as.as.Email = "nobody@example.com"
			if x.by == "admin" {
				want = "approval_required" // who is no named administrator has to approve, like anybody
			}
		}
		got := o.do(t, w, as, n)
		if got.problem() != want || (want != "not_found") != (got.body["invitation"] != nil) {
			t.Errorf("%s %s: %d %s", o.method, o.path, got.status, got.text)
		}
	})
}

func TestEveryOperationNamesTheCapabilityThatIsMissing(t *testing.T) {
	everyWay(t, "scopes", nil, func(t *testing.T, w *world, x way, o operation, n int) {
		if x.by == "admin" && !o.admin {
			return
		}
		got := o.do(t, w, x, n)
		if x.grant {
			if missing, _ := got.body["missing"].([]any); got.problem() != "consent_required" || len(missing) == 0 {
				t.Errorf("%s %s: %d %s", o.method, o.path, got.status, got.text)
			}
			return
		}
		if got.problem() != "denied" || !strings.Contains(got.text, "https://www.googleapis.com/auth/") {
			t.Errorf("%s %s: %d %s", o.method, o.path, got.status, got.text)
		}
	})
}

func TestEveryOperationTellsWhatGoogleRefuses(t *testing.T) {
	for status, want := range map[int]string{403: "denied", 404: "not_found", 429: "rate_limited", 500: "unavailable"} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			everyWay(t, "", nil, func(t *testing.T, w *world, x way, o operation, n int) {
				if x.by == "admin" && !o.admin {
					return
				}
				if status > 404 && n != 4 {
					return // each waits for some seconds: one stands for all
				}
				w.google.Fail(o.googles(x.by), status, status, status, status)
				got := o.do(t, w, x, n)
				w.google.ClearFaults()
				fine := want
				switch {
				case o.method == "DELETE" && status == 404:
					fine = "" // it is gone
				case o.google == "meet.spaces.create" && status == 404:
					fine = "unavailable" // there is nothing to be found or not
				}
				if got.problem() != fine {
					t.Errorf("%s %s: %d %s", o.method, o.path, got.status, got.text)
				}
				if status == 429 && got.header.Get("Retry-After") == "" {
					t.Error("come again, but not when")
				}
			})
		})
	}
}

func TestAPauseReachesEveryAuthorityWithinAMinute(t *testing.T) {
	t.Parallel()
	for name, x := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := x.ready(t, "", nil)
			o := acting[3]
			if got := o.do(t, w, x, 3); got.status != http.StatusOK {
				t.Fatalf("%d %s", got.status, got.text)
			}
			c := x.record()
			c.Paused = true
			w.put(t, c)
			if got := o.do(t, w, x, 3); got.problem() != "denied" {
				t.Errorf("%d %s", got.status, got.text)
			}
		})
	}
}

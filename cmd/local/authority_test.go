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

// operation is an API operation that acts as a person.
type operation struct {
	action, method, path, body string // with {as}, {by}, {space} and {name} to fill in
	googleMethod               string // the first Google method that it must call
	adminAllowed               bool   // possible with useAdminAccess
}

// actorFields and actorQuery name the person and the authority in a body and in a URL.
const (
	actorFields = `{"actAs":"{as}","authority":"{by}"`
	actorQuery  = "?actAs={as}&authority={by}"
)

var actAsOperations = []operation{
	{"spaces.create", "POST", "/v1/spaces", actorFields + `,"displayName":"Made by {by}"}`, "chat.spaces.setup", false},
	{"spaces.read", "GET", "/v1/spaces" + actorQuery, "", "chat.spaces.list", true},
	{"spaces.read", "GET", "/v1/spaces" + actorQuery + "&query=the", "", "chat.spaces.search", true},
	{"spaces.read", "GET", "/v1/spaces/{space}" + actorQuery, "", "chat.spaces.get", true},
	{
		"spaces.update", "PATCH", "/v1/spaces/{space}?updateMask=description", actorFields + `,"description":"New"}`,
		"chat.spaces.patch", true,
	},
	{"spaces.delete", "DELETE", "/v1/spaces/{space}" + actorQuery + "&confirm={name}", "", "chat.spaces.delete", true},
	{"members.read", "GET", "/v1/spaces/{space}/members" + actorQuery, "", "chat.spaces.members.list", true},
	{
		"members.read", "GET", "/v1/spaces/{space}/members/grace@example.com" + actorQuery, "",
		"chat.spaces.members.get", true,
	},
	{
		"members.write", "POST", "/v1/spaces/{space}/members", actorFields + `,"members":["member-1@example.com"]}`,
		"chat.spaces.members.create", true,
	},
	{
		"members.write", "PATCH", "/v1/spaces/{space}/members/grace@example.com", actorFields + `,"role":"OWNER"}`,
		"chat.spaces.members.patch", true,
	},
	{
		"members.write", "DELETE", "/v1/spaces/{space}/members/grace@example.com" + actorQuery, "",
		"chat.spaces.members.delete", true,
	},
	{
		"messages.create", "POST", "/v1/spaces/{space}/messages", actorFields + `,"text":"Hello"}`,
		"chat.spaces.messages.create", false,
	},
	{"meetings.create", "POST", "/v1/spaces/{space}/meetings", actorFields + `}`, "meet.spaces.create", false},
}

func (o operation) googleMethodFor(authority string) string {
	if authority == "admin" && o.googleMethod == "chat.spaces.list" {
		return "chat.spaces.search" // administrators cannot list
	}
	return o.googleMethod
}

// authorityCase is an authority with a person to act as.
type authorityCase struct {
	authority string
	person    google.Person
	founder   google.Person // of the spaces in the test
	usesGrant bool          // else domain-wide delegation
}

var authorityCases = map[string]authorityCase{
	"as a person":                            {"user", ada, ada, true},
	"as a person by delegation":              {"delegation", ada, ada, false},
	"as an administrator":                    {"admin", alan, ada, true},
	"as a named administrator by delegation": {"admin", alan, ada, false},
}

// callerRecord returns a record that lets the incident tool do everything with this authority.
func (ac authorityCase) callerRecord() callers.Caller {
	c := caller()
	c.Actions, c.Authorities = allActions, []vault.Authority{vault.Authority(ac.authority)}
	if ac.authority == "admin" && !ac.usesGrant {
		c.Administrators = []string{ac.person.Email}
	}
	return c
}

// capabilities returns all capabilities that this authority can need.
func (ac authorityCase) capabilities() []capability.Capability {
	return slices.DeleteFunc(capability.All(), func(c capability.Capability) bool {
		return c.IsAdmin() != (ac.authority == "admin")
	})
}

// setUp returns a world where the authority is set up. It leaves out grant, scopes or approval if omit names one.
func (ac authorityCase) setUp(t *testing.T, omit string, change func(*callers.Caller)) *world {
	t.Helper()
	w := newWorld(t)
	c := ac.callerRecord()
	if change != nil {
		change(&c)
	}
	w.put(t, c)
	if !ac.usesGrant {
		if omit != "scopes" {
			var scopes []string
			for _, capability := range ac.capabilities() {
				scopes = append(scopes, capability.Scope())
			}
			w.google.SetDelegation(delegationAccount, scopes...)
		} else {
			w.google.SetDelegation(delegationAccount, "https://www.googleapis.com/auth/drive")
		}
		return w
	}
	if omit != "approval" {
		defer func() { w.approveAll(t, ac.person, c.ID, ac.authority) }() // after the person has connected
	}
	needs := ac.capabilities()
	switch omit {
	case "grant":
		return w
	case "scopes":
		needs = []capability.Capability{capability.AddTheApp} // no test asks for it
	}
	link, err := w.consent.Invite(t.Context(), resource.Named(ac.person.User()), config.Secret{}, needs...)
	if err != nil {
		t.Fatal(err)
	}
	w.browser(t, ac.person).consent(link.Reveal(), decision{account: ac.person})
	return w
}

// approveAll stores a connected person's approval of every action of a caller.
func (w *world) approveAll(t *testing.T, p google.Person, id, authority string) {
	t.Helper()
	g, err := w.vault.Grant(t.Context(), resource.Person(p.User()))
	if err == nil {
		g.Approve(id, vault.Authority(authority), allActions, w.clock.now())
		_, err = w.vault.SaveGrant(t.Context(), g)
	}
	if err != nil && fault.KindOf(err) != fault.NotFound {
		t.Fatal(err)
	}
}

// do calls the operation on a space of its own, which n numbers.
func (o operation) do(t *testing.T, w *world, ac authorityCase, n int) apiResponse {
	t.Helper()
	name := fmt.Sprintf("The-%d", n)
	space, ok := w.google.SpaceByName(name)
	if !ok {
		space = w.google.CreateSpace(name, ac.founder, grace)
	}
	values := strings.NewReplacer(
		"{as}", ac.person.Email, "{by}", ac.authority, "{space}", space.ID, "{name}", name)
	return w.api(t, o.method, values.Replace(o.path), values.Replace(o.body),
		"Idempotency-Key", fmt.Sprintf("operation-%d", n))
}

// forEachAuthority runs a test for each operation with each authority.
func forEachAuthority(t *testing.T, omit string, change func(*callers.Caller),
	test func(*testing.T, *world, authorityCase, operation, int),
) {
	t.Parallel()
	for name, ac := range authorityCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ac.setUp(t, omit, change)
			w.google.SetStrict(0) // the tests count calls
			for n, o := range actAsOperations {
				test(t, w, ac, o, n)
			}
		})
	}
}

func TestAuthority_AllowedAndAudited(t *testing.T) {
	forEachAuthority(t, "", nil, func(t *testing.T, w *world, ac authorityCase, o operation, n int) {
		method := o.googleMethodFor(ac.authority)
		before, logged := w.count(method), len(w.log.String())
		callsAtBegin := 0
		w.log.watch(func(line string) {
			if strings.Contains(line, "outcome=begun") {
				callsAtBegin = w.count(method)
			}
		})
		got := o.do(t, w, ac, n)
		line := "action=" + o.action + " authority=" + ac.authority + " caller_id=" + incidentTool
		if ac.authority == "admin" && !o.adminAllowed {
			if got.problem() != "invalid_request" || w.count(o.googleMethod) != before ||
				!strings.Contains(got.text, "Administrator access can't") {
				t.Errorf("%s %s: %d %s", o.method, o.path, got.status, got.text)
			}
			return
		}
		if calls := w.count(method) - before; got.status >= 300 || calls != 1 {
			t.Errorf("%s %s: %d %s, %d calls", o.method, o.path, got.status, got.text, calls)
		}
		log := w.log.String()[logged:]
		if !strings.Contains(log, line) {
			t.Errorf("%s %s: no log line has %s", o.method, o.path, line)
		}
		audit := regexp.MustCompile("action=" + o.action + ` .* request=[0-9a-f]{32} .*outcome=ok`)
		if o.method != "GET" && !audit.MatchString(log) {
			t.Errorf("%s %s: no audit line names its request", o.method, o.path)
		}
		begun := strings.Contains(log, "outcome=begun")
		if begun != (ac.authority != "user") || begun && callsAtBegin != before {
			t.Errorf("%s %s: begun line: %v, after %d calls", o.method, o.path, begun, callsAtBegin-before)
		}
	})
}

func TestAuthority_DeniedByPolicy(t *testing.T) {
	for name, change := range map[string]func(*callers.Caller){
		"another action": func(c *callers.Caller) { c.Actions = []string{"sweep"} },
		"another authority": func(c *callers.Caller) {
			other := vault.Authority("delegation")
			if c.Authorities[0] == "delegation" {
				other = "user"
			}
			c.Authorities = []vault.Authority{other}
		},
		"another person": func(c *callers.Caller) { c.Domains, c.People = nil, []string{"grace@example.com"} },
		"paused":         func(c *callers.Caller) { c.Paused = true },
	} {
		t.Run(name, func(t *testing.T) {
			forEachAuthority(t, "grant", change, func(t *testing.T, w *world, ac authorityCase, o operation, n int) {
				w.api(t, "GET", "/v1/templates", "") // fetches the signing keys
				calls, reads := len(w.google.Calls()), w.docs.Reads()
				got := o.do(t, w, ac, n)
				if w.docs.Reads() != reads {
					t.Errorf("%s %s: the store was read before the policy", o.method, o.path)
				}
				if ac.authority == "admin" && !o.adminAllowed && name != "paused" {
					return // never possible, which the API checks first
				}
				sent := w.google.Calls()[calls:]
				sent = slices.DeleteFunc(sent, func(c google.Call) bool { return c.Method == "certs" })
				if got.problem() != "denied" || len(sent) != 0 || strings.Contains(got.text, "invitation") {
					t.Errorf("%s %s: %d %s, %v", o.method, o.path, got.status, got.text, sent)
				}
			})
		})
	}
}

func TestAuthority_ApprovalRequired(t *testing.T) {
	forEachAuthority(t, "approval", nil, func(t *testing.T, w *world, ac authorityCase, o operation, n int) {
		if ac.authority == "admin" && !o.adminAllowed {
			return
		}
		got := o.do(t, w, ac, n)
		if !ac.usesGrant { // the organization has approved
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

func TestAuthority_ApprovalNotShared(t *testing.T) {
	t.Parallel()
	ac := authorityCases["as an administrator"]
	w := ac.setUp(t, "approval", func(c *callers.Caller) { c.Authorities = []vault.Authority{"user", "admin"} })
	w.approveAll(t, ac.person, incidentTool, "user")
	got := w.api(t, "GET", "/v1/spaces?actAs=alan@example.com&authority=admin", "")
	if got.problem() != "approval_required" {
		t.Errorf("%d %s", got.status, got.text)
	}
}

func TestAuthority_NotConnected(t *testing.T) {
	forEachAuthority(t, "grant", nil, func(t *testing.T, w *world, ac authorityCase, o operation, n int) {
		if ac.authority == "admin" && !o.adminAllowed {
			return
		}
		want := "approval_required" // one link asks for consent and approval
		if !ac.usesGrant {
			want = "not_found" // the organization has no such person
			ac.person.Email = "nobody@example.com"
			if ac.authority == "admin" {
				want = "approval_required" // only named administrators need no approval
			}
		}
		got := o.do(t, w, ac, n)
		if got.problem() != want || (want != "not_found") != (got.body["invitation"] != nil) {
			t.Errorf("%s %s: %d %s", o.method, o.path, got.status, got.text)
		}
	})
}

func TestAuthority_MissingCapability(t *testing.T) {
	forEachAuthority(t, "scopes", nil, func(t *testing.T, w *world, ac authorityCase, o operation, n int) {
		if ac.authority == "admin" && !o.adminAllowed {
			return
		}
		got := o.do(t, w, ac, n)
		if ac.usesGrant {
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

func TestAuthority_GoogleError(t *testing.T) {
	for status, want := range map[int]string{403: "denied", 404: "not_found", 429: "rate_limited", 500: "unavailable"} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			forEachAuthority(t, "", nil, func(t *testing.T, w *world, ac authorityCase, o operation, n int) {
				if ac.authority == "admin" && !o.adminAllowed {
					return
				}
				if status > 404 && n != 4 {
					return // each retries for seconds, so one operation is enough
				}
				w.google.Fail(o.googleMethodFor(ac.authority), status, status, status, status)
				got := o.do(t, w, ac, n)
				w.google.ClearFaults()
				want := want
				switch {
				case o.method == "DELETE" && status == 404:
					want = "" // already deleted
				case o.googleMethod == "meet.spaces.create" && status == 404:
					want = "unavailable" // Meet looks nothing up, so 404 is unexpected
				}
				if got.problem() != want {
					t.Errorf("%s %s: %d %s", o.method, o.path, got.status, got.text)
				}
				if status == 429 && got.header.Get("Retry-After") == "" {
					t.Error("429 without Retry-After")
				}
			})
		})
	}
}

func TestAuthority_PausedCaller(t *testing.T) {
	t.Parallel()
	for name, ac := range authorityCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ac.setUp(t, "", nil)
			o := actAsOperations[3]
			if got := o.do(t, w, ac, 3); got.status != http.StatusOK {
				t.Fatalf("%d %s", got.status, got.text)
			}
			c := ac.callerRecord()
			c.Paused = true
			w.put(t, c)
			if got := o.do(t, w, ac, 3); got.problem() != "denied" {
				t.Errorf("%d %s", got.status, got.text)
			}
		})
	}
}

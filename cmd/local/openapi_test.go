package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// document is the API's own, read once.
var document = sync.OnceValues(func() (*openapi3.T, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(api.Document)
	if err == nil {
		err = doc.Validate(loader.Context)
	}
	return doc, err
})

var router = sync.OnceValues(func() (routers.Router, error) {
	doc, err := document()
	if err != nil {
		return nil, err
	}
	return legacy.NewRouter(doc)
})

// answered is an answer of the API, held against the document.
type answered struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (a answered) problem() string {
	kind, _ := a.body["type"].(string)
	return strings.TrimPrefix(kind, "urn:deputy:problem:")
}

// api calls an operation as the incident tool, and holds the answer, and a
// request that was taken, against the document.
func (w *world) api(t *testing.T, method, path, body string, header ...string) answered {
	t.Helper()
	r := request(t, method, w.address+"/createspace"+path, []byte(body))
	r.Header.Set("Authorization", w.callerToken(nil))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if method != http.MethodGet {
		r.Header.Set("Idempotency-Key", "the-key-of-"+t.Name())
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := answered{status: res.StatusCode, header: res.Header, text: string(text)}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &out.body); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	routes, err := router()
	if err != nil {
		t.Fatal(err)
	}
	asked := request(t, method, path, []byte(body))
	asked.Header = r.Header
	route, params, err := routes.FindRoute(asked)
	if err != nil {
		return out // the document does not have it: the test says what is right
	}
	in := &openapi3filter.RequestValidationInput{Request: asked, PathParams: params, Route: route, Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if out.status < 400 {
		if err := openapi3filter.ValidateRequest(t.Context(), in); err != nil {
			t.Errorf("%s %s was taken, and is not as the document has it: %v", method, path, err)
		}
	}
	answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: out.status, Header: res.Header, Options: &openapi3filter.Options{IncludeResponseStatus: true}}
	answer.SetBodyBytes(text)
	if err := openapi3filter.ValidateResponse(t.Context(), answer); err != nil {
		t.Errorf("%s %s: the answer is not as the document has it: %v\n%s", method, path, err, text)
	}
	return out
}

var everyAction = []string{
	"spaces.create", "spaces.read", "spaces.update", "spaces.delete", "members.read", "members.write", "messages.create", "meetings.create",
	"people.read", "people.invite", "people.disconnect", "templates.read", "templates.write", "sweep",
}

// connectedWith is a program with the incident tool, which may do everything,
// and Ada, who has allowed everything.
func connectedWith(t *testing.T, change ...func(*callers.Caller)) *world {
	t.Helper()
	c := caller()
	c.Actions = everyAction
	for _, do := range change {
		do(&c)
	}
	w := newWorldWithCaller(t, c)
	b := w.browser(t, ada)
	link, err := w.consent.Invite(t.Context(), resource.Named(ada.User()), config.Secret{}, capability.All()...)
	if err != nil {
		t.Fatal(err)
	}
	b.consent(link.Reveal(), decision{account: ada})
	return w
}

func TestTheDocumentIsValidAndKnowsEveryCapability(t *testing.T) {
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	var operations []string
	for _, c := range capability.All() {
		operations = append(operations, string(c))
	}
	var known []string
	for _, v := range doc.Components.Schemas["Capability"].Value.Enum {
		known = append(known, v.(string))
	}
	slices.Sort(operations)
	slices.Sort(known)
	if diff := cmp.Diff(operations, known); diff != "" {
		t.Errorf("capabilities: %s", diff)
	}
}

func TestASystemMakesAndRunsASpaceAsAPersonFromBeginningToEnd(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	n := 0
	api := func(method, path, content string, header ...string) answered {
		t.Helper()
		n++
		return w.api(t, method, path, content, append([]string{"Idempotency-Key", fmt.Sprint("step-number-", n)}, header...)...)
	}
	made := api("POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"Incident 7","description":"Mail is down","guidelines":"Facts first","access":"DISCOVERABLE",
		"kind":"ANNOUNCEMENTS","externalUserAllowed":true,"history":"HISTORY_OFF","firstMessage":"What do we know?","addTheApp":true,
		"members":["`+grace.User()+`","kim@partner.example","nobody@example.com","groups/g1"]}`)
	if made.status != http.StatusCreated {
		t.Fatalf("%d %s", made.status, made.text)
	}
	states := map[string]string{}
	for _, m := range made.body["members"].([]any) {
		states[m.(map[string]any)["member"].(string)] = m.(map[string]any)["state"].(string)
	}
	if diff := cmp.Diff(map[string]string{grace.User(): "JOINED", "kim@partner.example": "INVITED", "nobody@example.com": "LEFT_OUT", "groups/g1": "LEFT_OUT"}, states); diff != "" {
		t.Error(diff)
	}
	name := made.body["name"].(string)
	at := "/v1/" + name
	as := "?actAs=" + url.QueryEscape("ada@example.com")

	got := api("GET", at+as, "")
	for field, want := range map[string]any{
		"name": name, "displayName": "Incident 7", "description": "Mail is down", "guidelines": "Facts first", "access": "DISCOVERABLE", "externalUserAllowed": true, "history": "HISTORY_OFF",
	} {
		if got.body[field] != want {
			t.Errorf("%s: got %v, want %v", field, got.body[field], want)
		}
	}
	changed := api("PATCH", at+"?updateMask=displayName,description,access", `{"actAs":"ada@example.com","displayName":"Incident 7, solved","access":"PRIVATE"}`)
	for field, want := range map[string]any{"displayName": "Incident 7, solved", "description": nil, "guidelines": "Facts first", "access": "PRIVATE"} {
		if changed.body[field] != want {
			t.Errorf("after the change, %s: got %v, want %v", field, changed.body[field], want)
		}
	}
	added := api("POST", at+"/members", `{"actAs":"ada@example.com","members":["alan@example.com","someone@else.example"]}`)
	if text := added.text; !strings.Contains(text, `{"member":"alan@example.com","state":"JOINED"}`) || !strings.Contains(text, `"state":"FAILED"`) {
		t.Errorf("added: %s", text)
	}
	if role := api("PATCH", at+"/members/alan@example.com", `{"actAs":"ada@example.com","role":"MANAGER"}`); role.body["role"] != "MANAGER" {
		t.Errorf("role: %s", role.text)
	}
	for range 2 { // who is out already is out
		if out := api("DELETE", at+"/members/"+grace.Sub+as, ""); out.status != http.StatusNoContent {
			t.Errorf("removed: %d %s", out.status, out.text)
		}
	}
	var there []string
	page := api("GET", at+"/members"+as+"&pageSize=2", "")
	for {
		for _, m := range page.body["members"].([]any) {
			there = append(there, m.(map[string]any)["member"].(string))
		}
		next, ok := page.body["nextPageToken"].(string)
		if !ok {
			break
		}
		page = api("GET", at+"/members"+as+"&pageSize=2&pageToken="+next, "")
	}
	if len(there) != 3 || there[0] != ada.User() || slices.Contains(there, grace.User()) {
		t.Errorf("members: %v", there)
	}
	const over = `{"actAs":"ada@example.com","text":"It is over."}`
	posted := api("POST", at+"/messages", over, "Idempotency-Key", "it-is-over")
	again := api("POST", at+"/messages", over, "Idempotency-Key", "it-is-over")
	if posted.status != http.StatusCreated || posted.body["name"] != again.body["name"] {
		t.Errorf("messages: %s, %s", posted.text, again.text)
	}
	met := api("POST", at+"/meetings", `{"actAs":"ada@example.com","text":"Retrospective:"}`)
	if text, _ := met.body["text"].(string); !strings.HasPrefix(text, "Retrospective: Meet: https://meet.google.com/") {
		t.Errorf("meeting: %s", met.text)
	}
	if wrong := api("DELETE", at+as+"&confirm=Incident+7", ""); wrong.status != http.StatusBadRequest || !strings.Contains(wrong.text, "Nothing was deleted") {
		t.Errorf("deleted by a wrong name: %d %s", wrong.status, wrong.text)
	}
	if gone := api("DELETE", at+as+"&confirm="+url.QueryEscape("Incident 7, solved"), ""); gone.status != http.StatusNoContent || w.spaces(ada) != nil {
		t.Errorf("deleted: %d %s, %v", gone.status, gone.text, w.spaces(ada))
	}
	if absent := api("GET", at+as, ""); absent.problem() != "not_found" {
		t.Errorf("afterwards: %s", absent.text)
	}
	w.browser(t, ada).wantText(w.browser(t, ada).say("/status"), "Incidents", "Delete your spaces", "Post messages as you")
}

func TestSpacesAreListedPageByPageAndSearched(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	for i := range 5 {
		w.api(t, "POST", "/v1/spaces", fmt.Sprintf(`{"actAs":"ada@example.com","displayName":"Plan %d"}`, i), "Idempotency-Key", fmt.Sprintf("plan-number-%d", i))
	}
	const as = "?actAs=ada@example.com"
	var names []string
	page := w.api(t, "GET", "/v1/spaces"+as+"&pageSize=2", "")
	for {
		for _, s := range page.body["spaces"].([]any) {
			names = append(names, s.(map[string]any)["displayName"].(string))
		}
		next, ok := page.body["nextPageToken"].(string)
		if !ok {
			break
		}
		if other := w.api(t, "GET", "/v1/spaces"+as+"&query=x&pageSize=2&pageToken="+next, ""); other.problem() != "invalid_request" {
			t.Errorf("a token of another list: %s", other.text)
		}
		page = w.api(t, "GET", "/v1/spaces"+as+"&pageSize=2&pageToken="+next, "")
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"Plan 0", "Plan 1", "Plan 2", "Plan 3", "Plan 4", "Team"}, names); diff != "" {
		t.Error(diff)
	}
	if found := w.api(t, "GET", "/v1/spaces"+as+"&query=plan+3", ""); len(found.body["spaces"].([]any)) != 1 {
		t.Errorf("found: %s", found.text)
	}
}

func TestAPersonsConnectionIsReadAskedForAndEnded(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	if got := w.api(t, "GET", "/v1/people/ada@example.com/connection", ""); got.body["connected"] != true || len(got.body["capabilities"].([]any)) != len(capability.All()) {
		t.Errorf("ada: %s", got.text)
	}
	if got := w.api(t, "GET", "/v1/people/"+grace.Sub+"/connection", ""); got.body["connected"] != false { // as of anybody who is not connected
		t.Errorf("grace, by id: %d %s", got.status, got.text)
	}
	if got := w.api(t, "GET", "/v1/people/grace@example.com/connection", ""); got.body["connected"] != false {
		t.Errorf("grace: %s", got.text)
	}
	invited := w.api(t, "POST", "/v1/people/grace@example.com/connection", `{"capabilities":["CreateSpaces"]}`)
	link, _ := invited.body["invitation"].(string)
	w.browser(t, ada).wantText(w.browser(t, ada).consent(link, decision{account: ada}), "Wrong account")
	w.browser(t, grace).wantText(w.browser(t, grace).consent(link, decision{account: grace}), "You're connected")
	if got := w.api(t, "DELETE", "/v1/people/grace@example.com/connection", ""); got.body["outcome"] != "revoked" {
		t.Errorf("ended: %s", got.text)
	}
}

func TestTemplatesAreStoredReadAndRemoved(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	const body = `{"description":"What is broken","members":["grace@example.com","groups/g1"],"kind":"ANNOUNCEMENTS","history":"HISTORY_ON","addTheApp":true}`
	for range 2 {
		if put := w.api(t, "PUT", "/v1/templates/Out%20of%20office", body); put.status != http.StatusOK || put.body["name"] != "Out of office" {
			t.Fatalf("put: %d %s", put.status, put.text)
		}
	}
	if got := w.api(t, "GET", "/v1/templates/Out%20of%20office", ""); got.body["description"] != "What is broken" || got.body["kind"] != "ANNOUNCEMENTS" {
		t.Errorf("read: %s", got.text)
	}
	if got := w.api(t, "GET", "/v1/templates", ""); len(got.body["templates"].([]any)) != 1 {
		t.Errorf("listed: %s", got.text)
	}
	if form := w.browser(t, ada).quickCommand(101); strings.Contains(form.visibleText(), "Out of office") {
		t.Error("a system's template stands in people's form")
	}
	for range 2 {
		if got := w.api(t, "DELETE", "/v1/templates/Out%20of%20office", ""); got.status != http.StatusNoContent {
			t.Errorf("removed: %d %s", got.status, got.text)
		}
	}
	if got := w.api(t, "GET", "/v1/templates/Out%20of%20office", ""); got.problem() != "not_found" {
		t.Errorf("afterwards: %s", got.text)
	}
}

// operations are one good call of each, by what it needs.
func calls() map[string]struct{ right, method, path, body string } {
	const as, at = "?actAs=ada@example.com", "/v1/spaces/AAAAteam"
	return map[string]struct{ right, method, path, body string }{
		"create":     {"spaces.create", "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"From a system"}`},
		"list":       {"spaces.read", "GET", "/v1/spaces" + as, ""},
		"get":        {"spaces.read", "GET", at + as, ""},
		"update":     {"spaces.update", "PATCH", at + "?updateMask=description", `{"actAs":"ada@example.com","description":"x"}`},
		"delete":     {"spaces.delete", "DELETE", at + as + "&confirm=Team", ""},
		"members":    {"members.read", "GET", at + "/members" + as, ""},
		"add":        {"members.write", "POST", at + "/members", `{"actAs":"ada@example.com","members":["alan@example.com"]}`},
		"role":       {"members.write", "PATCH", at + "/members/alan@example.com", `{"actAs":"ada@example.com","role":"MANAGER"}`},
		"remove":     {"members.write", "DELETE", at + "/members/alan@example.com" + as, ""},
		"message":    {"messages.create", "POST", at + "/messages", `{"actAs":"ada@example.com","text":"Hello"}`},
		"meeting":    {"meetings.create,messages.create", "POST", at + "/meetings", `{"actAs":"ada@example.com"}`},
		"connection": {"people.read", "GET", "/v1/people/ada@example.com/connection", ""},
		"invite":     {"people.invite", "POST", "/v1/people/ada@example.com/connection", `{"capabilities":["Meet"]}`},
		"disconnect": {"people.disconnect", "DELETE", "/v1/people/ada@example.com/connection", ""},
		"templates":  {"templates.read", "GET", "/v1/templates", ""},
		"put":        {"templates.write", "PUT", "/v1/templates/x", `{}`},
		"unput":      {"templates.write", "DELETE", "/v1/templates/x", ""},
		"sweep":      {"sweep", "POST", "/v1/sweep", ""},
	}
}

func TestEveryOperationIsAllowedOnlyByItsOwnRight(t *testing.T) {
	t.Parallel()
	for name, o := range calls() {
		for mood, want := range map[string]string{"allowed": "", "without its right": "denied", "paused": "denied", "not for this person": "denied"} {
			c := caller()
			c.Actions = strings.Split(o.right, ",")
			switch mood {
			case "without its right":
				c.Actions = slices.DeleteFunc(slices.Clone(everyAction), func(right string) bool { return right == strings.Split(o.right, ",")[0] })
			case "paused":
				c.Paused = true
			case "not for this person":
				c.Domains = []string{"another.example"}
			}
			w := newWorldWithCaller(t, c)
			link, err := w.consent.Invite(t.Context(), resource.Named(ada.User()), config.Secret{}, capability.All()...)
			if err != nil {
				t.Fatal(err)
			}
			w.browser(t, ada).consent(link.Reveal(), decision{account: ada})
			calls := len(w.google.Calls())
			got := w.api(t, o.method, o.path, o.body)
			if mood == "not for this person" && (strings.HasPrefix(o.right, "templates") || o.right == "sweep") {
				want = "" // it is for nobody
			}
			if got.problem() != want || (want == "") != (got.status < 300) {
				t.Errorf("%s, %s: %d %s", name, mood, got.status, got.text)
			}
			if made := w.google.Calls()[calls:]; want != "" && slices.ContainsFunc(made, func(c google.Call) bool { return !strings.Contains(c.Method, "certs") }) {
				t.Errorf("%s, %s: Google was asked: %v", name, mood, made)
			}
			if want != "" && !strings.Contains(w.log.String(), "outcome=denied") {
				t.Errorf("%s, %s: no line says so", name, mood)
			}
		}
	}
}

func TestEveryOperationSaysWhatAPersonHasToAllow(t *testing.T) {
	t.Parallel()
	for name, o := range calls() {
		if !strings.Contains(o.path+o.body, "actAs") {
			continue
		}
		// By id: nobody is known by the address yet.
		c := caller()
		c.Actions, c.People = everyAction, []string{ada.User()}
		w := newWorldWithCaller(t, c)
		o.path, o.body = strings.Replace(o.path, "actAs=ada@example.com", "actAs="+ada.User(), 1), strings.Replace(o.body, "ada@example.com", ada.User(), 1)
		got := w.api(t, o.method, o.path, o.body)
		link, _ := got.body["invitation"].(string)
		if got.problem() != "consent_required" || link == "" || got.body["missing"] == nil {
			t.Errorf("%s: %d %s", name, got.status, got.text)
			continue
		}
		w.browser(t, ada).consent(link, decision{account: ada})
		if after := w.api(t, o.method, o.path, o.body); after.status >= 300 {
			t.Errorf("%s, after that consent: %d %s", name, after.status, after.text)
		}
	}
}

func TestEveryOperationSaysWhatGoogleRefuses(t *testing.T) {
	t.Parallel()
	methods := map[string]string{
		"create": "chat.spaces.setup", "list": "chat.spaces.list", "get": "chat.spaces.get", "update": "chat.spaces.get", "delete": "chat.spaces.delete",
		"members": "chat.spaces.members.list", "add": "chat.spaces.members.create", "role": "chat.spaces.members.patch", "remove": "chat.spaces.members.delete",
		"message": "chat.spaces.messages.create", "meeting": "meet.spaces.create",
	}
	for name, method := range methods {
		o := calls()[name]
		w := connectedWith(t)
		for status, want := range map[int]string{403: "denied", 429: "rate_limited", 500: "unavailable"} {
			w.google.Fail(method, status, status, status, status)
			got := w.api(t, o.method, o.path, o.body)
			if got.problem() != want || (want == "denied") == (got.header.Get("Retry-After") != "") {
				t.Errorf("%s, %d: %d %s", name, status, got.status, got.text)
			}
			if want == "denied" { // it is not tried again
				for w.google.PendingFaults(method) > 0 {
					w.api(t, o.method, o.path, o.body)
				}
			}
		}
	}
}

func TestWhatTheDocumentDoesNotKnowIsRefusedAndDoesNothing(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	const good = `{"actAs":"ada@example.com","displayName":"x"}`
	calls := len(w.google.Calls())
	for name, c := range map[string]struct{ method, path, body, want string }{
		"a mistyped field":           {"POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"x","dryrun":true}`, "invalid_request"},
		"a parameter":                {"POST", "/v1/spaces?dryRun=true", good, "invalid_request"},
		"a parameter twice":          {"GET", "/v1/spaces?actAs=ada@example.com&actAs=grace@example.com", "", "invalid_request"},
		"no actAs":                   {"GET", "/v1/spaces", "", "invalid_request"},
		"a value of an enumeration":  {"POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"x","access":"OPEN"}`, "invalid_request"},
		"an authority":               {"GET", "/v1/spaces?actAs=ada@example.com&authority=root", "", "invalid_request"},
		"a page size":                {"GET", "/v1/spaces?actAs=ada@example.com&pageSize=1001", "", "invalid_request"},
		"a page size of words":       {"GET", "/v1/spaces?actAs=ada@example.com&pageSize=many", "", "invalid_request"},
		"a page token":               {"GET", "/v1/spaces?actAs=ada@example.com&pageToken=page-2", "", "invalid_request"},
		"two objects":                {"POST", "/v1/spaces", good + good, "invalid_request"},
		"no body":                    {"POST", "/v1/spaces", "", "invalid_request"},
		"a body where none is":       {"GET", "/v1/templates", "{}", "invalid_request"},
		"a mask that names nothing":  {"PATCH", "/v1/spaces/AAAAteam?updateMask=", `{"actAs":"ada@example.com"}`, "invalid_request"},
		"a mask of another field":    {"PATCH", "/v1/spaces/AAAAteam?updateMask=spaceType", `{"actAs":"ada@example.com"}`, "invalid_request"},
		"a field without its mask":   {"PATCH", "/v1/spaces/AAAAteam?updateMask=description", `{"actAs":"ada@example.com","displayName":"x"}`, "invalid_request"},
		"a name that Chat refuses":   {"PATCH", "/v1/spaces/AAAAteam?updateMask=displayName", `{"actAs":"ada@example.com","displayName":" "}`, "invalid_request"},
		"a space that cannot be one": {"GET", "/v1/spaces/a%2Fb?actAs=ada@example.com", "", "invalid_request"},
		"a thread of another space":  {"POST", "/v1/spaces/AAAAteam/messages", `{"actAs":"ada@example.com","text":"x","thread":"spaces/other/threads/1"}`, "invalid_request"},
		"nobody to add":              {"POST", "/v1/spaces/AAAAteam/members", `{"actAs":"ada@example.com","members":[]}`, "invalid_request"},
		"a member that is none":      {"POST", "/v1/spaces/AAAAteam/members", `{"actAs":"ada@example.com","members":["users/ada/x"]}`, "invalid_request"},
		"a field in another case":    {"POST", "/v1/spaces", `{"ACTAS":"ada@example.com","displayName":"x"}`, "invalid_request"},
		"a field that is null":       {"POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"x","members":null}`, "invalid_request"},
		"a body that is null":        {"PUT", "/v1/templates/x", `null`, "invalid_request"},
		"a link for nothing":         {"POST", "/v1/people/ada@example.com/connection", `{"capabilities":[]}`, "invalid_request"},
		"a first message":            {"POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"x","firstMessage":"` + strings.Repeat("x", 4001) + `"}`, "invalid_request"},
		"a text before a room":       {"POST", "/v1/spaces/AAAAteam/meetings", `{"actAs":"ada@example.com","text":"` + strings.Repeat("x", 4001) + `"}`, "invalid_request"},
		"a long search":              {"GET", "/v1/spaces?actAs=ada@example.com&query=" + strings.Repeat("x", 201), "", "invalid_request"},
		"a search with pages":        {"GET", "/v1/spaces?actAs=ada@example.com&query=x&pageSize=2", "", "invalid_request"},
		"a thread that is a path":    {"POST", "/v1/spaces/AAAAteam/messages", `{"actAs":"ada@example.com","text":"x","thread":"spaces/AAAAteam/threads/a/../b"}`, "invalid_request"},
		"a query that is none":       {"GET", "/v1/spaces?actAs=ada@example.com&dry;Run=true", "", "invalid_request"},
		"a template that is no text": {"GET", "/v1/templates/%ff", "", "invalid_request"},
		"a path":                     {"GET", "/v1/spaceships", "", "not_found"},
		"a method":                   {"PUT", "/v1/spaces", good, "method_not_allowed"},
	} {
		got := w.api(t, c.method, c.path, c.body)
		if got.problem() != c.want || got.status < 400 || got.status >= 500 || got.body["detail"] == "" {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
	}
	if got := w.api(t, "PUT", "/v1/spaces", good); got.header.Get("Allow") != "GET, POST" {
		t.Errorf("Allow: %q", got.header.Get("Allow"))
	}
	if made := w.google.Calls()[calls:]; len(made) > 1 { // the keys of callers
		t.Errorf("Google was asked: %v", made)
	}
	res, err := http.Get(w.address + "/createspace/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil || !bytes.Equal(text, api.Document) {
		t.Errorf("the document: %v, %d bytes", err, len(text))
	}
}

func TestEveryCurlOfTheDocumentWorks(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("NOT TESTED: the commands of docs/api.md. No curl was found; ./test.sh --all installs it")
	}
	w := connectedWith(t, func(c *callers.Caller) {
		c.Actions = append(slices.Clone(c.Actions), "people.connect")
		c.Authorities, c.Administrators = []vault.Authority{"user", "admin", "delegation"}, []string{alan.Email}
	})
	w.google.SetDelegation(delegationAccount, capability.CreateSpaces.Scope(), capability.ReadMembers.Scope(), capability.EditSpaces.Scope(), capability.AdminSpaces.Scope())
	text, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	script := "set -euo pipefail\n"
	for _, b := range blocks {
		script += b[1]
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "DEPUTY="+w.address+"/createspace", "TOKEN="+strings.TrimPrefix(w.callerToken(nil), "Bearer "),
		"CODE="+w.google.IssueAuthCode(grace, "", true, capability.CreateSpaces.Scope()))
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), "urn:deputy:problem") {
		t.Errorf("%v: %s", err, out)
	}
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, item := range doc.Paths.Map() {
		total += len(item.Operations())
	}
	if got := strings.Count(script, "curl "); got < total {
		t.Errorf("%d commands for %d operations", got, total)
	}
}

func TestACallerThatCallsTooOftenIsToldToWait(t *testing.T) {
	t.Parallel()
	c := caller()
	c.Actions, c.Rate = everyAction, 3
	w := newWorldWithCaller(t, c)
	for n := range 5 {
		got := w.api(t, "GET", "/v1/templates", "")
		if limited := got.problem() == "rate_limited"; limited != (n >= 3) || limited && got.header.Get("Retry-After") == "" {
			t.Errorf("request %d: %d %s", n+1, got.status, got.text)
		}
	}
	w.clock.advance(20 * time.Second)
	if got := w.api(t, "GET", "/v1/templates", ""); got.status != http.StatusOK {
		t.Errorf("after 20 s: %d %s", got.status, got.text)
	}
	if got := w.api(t, "GET", "/v1/templates", ""); got.problem() != "rate_limited" {
		t.Errorf("and at once again: %d %s", got.status, got.text)
	}
}

func TestAPauseOfOneCallerOrOfEverythingActsWithinAMinute(t *testing.T) {
	t.Parallel()
	for _, id := range []string{incidentTool, "everything"} {
		c := caller()
		c.Actions = everyAction
		w := newWorldWithCaller(t, c)
		if got := w.api(t, "GET", "/v1/templates", ""); got.status != http.StatusOK {
			t.Fatalf("before: %d %s", got.status, got.text)
		}
		w.editCallers(t, func(d *callers.Draft) error {
			if id == "everything" {
				d.Pause(true)
				return nil
			}
			c.Paused = true
			return d.Put(c)
		})
		if got := w.api(t, "GET", "/v1/templates", ""); got.problem() != "denied" {
			t.Errorf("%s: %d %s", id, got.status, got.text)
		}
	}
}

func TestANameThatIsTakenFailsOrGetsANumberOrIsReused(t *testing.T) {
	t.Parallel()
	w := connectedWith(t)
	create := func(key, how string) answered {
		t.Helper()
		return w.api(t, "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"Plan","members":["grace@example.com"],"firstMessage":"Hello"`+how+`}`, "Idempotency-Key", key)
	}
	first := create("key-number-1", "")
	if got := create("key-number-2", `,"onDuplicate":"FAIL"`); got.problem() != "conflict" {
		t.Errorf("fail: %d %s", got.status, got.text)
	}
	for _, key := range []string{"key-number-3", "key-number-3"} { // twice the same act
		if got := create(key, `,"onDuplicate":"SUFFIX"`); got.body["displayName"] != "Plan 2" {
			t.Errorf("a number: %d %s", got.status, got.text)
		}
	}
	if got := create("key-number-4", `,"onDuplicate":"SUFFIX"`); got.body["displayName"] != "Plan 3" {
		t.Errorf("the next number: %d %s", got.status, got.text)
	}
	got := create("key-number-5", `,"onDuplicate":"REUSE"`)
	if got.body["name"] != first.body["name"] || got.body["reused"] != true || len(got.body["steps"].([]any)) != 0 || !strings.Contains(got.text, `{"member":"grace@example.com","state":"JOINED"}`) {
		t.Errorf("reused: %d %s", got.status, got.text)
	}
	if posted := w.count("chat.spaces.messages.create"); posted != 3 {
		t.Errorf("messages: got %d, want one in each space that was made", posted)
	}
}

package createspace_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/internal/apitest"
	"example.com/deputy/shared/api"
	"example.com/deputy/shared/capability"
)

// calls has one call that succeeds for each operation of the document.
var calls = map[string]struct {
	status             int
	method, path, body string
}{
	"createSpace": {201, "POST", "/v1/spaces", `{"actAs":"ada@example.com","displayName":"Plan"}`},
	"planSpace":   {200, "POST", "/v1/spaces:plan", `{"actAs":"ada@example.com","displayName":"Plan"}`},
	"listSpaces":  {200, "GET", "/v1/spaces" + asAda, ""},
	"getSpace":    {200, "GET", team + asAda, ""},
	"updateSpace": {200, "PATCH", team + "?updateMask=description", `{"actAs":"ada@example.com","description":"d"}`},
	"deleteSpace": {204, "DELETE", team + asAda + "&confirm=Team", ""},
	"listMembers": {200, "GET", team + "/members" + asAda, ""},
	"addMembers": {
		200, "POST", team + "/members", `{"actAs":"ada@example.com","members":["member-1@example.com"]}`,
	},
	"getMember": {200, "GET", team + "/members/grace@example.com" + asAda, ""},
	"updateMember": {
		200, "PATCH", team + "/members/grace@example.com", `{"actAs":"ada@example.com","role":"MANAGER"}`,
	},
	"removeMember":  {204, "DELETE", team + "/members/grace@example.com" + asAda, ""},
	"createMessage": {201, "POST", team + "/messages", `{"actAs":"ada@example.com","text":"Hello"}`},
	"updateMessage": {200, "PATCH", team + "/messages/{message}", `{"actAs":"ada@example.com","text":"Better"}`},
	"deleteMessage": {204, "DELETE", team + "/messages/{message}" + asAda, ""},
	"createMeeting": {201, "POST", team + "/meetings", `{"actAs":"ada@example.com"}`},
	"getConnection": {200, "GET", "/v1/people/ada@example.com/connection", ""},
	"invitePerson":  {201, "POST", "/v1/people/ada@example.com/connection", `{"capabilities":["Meet"]}`},
	"connectPerson": {
		200, "POST", "/v1/people/ada@example.com/connection:connect", `{"serverAuthCode":"code","clientType":"CHROME"}`,
	},
	"requestApproval":  {201, "POST", "/v1/approvals", `{"actAs":"ada@example.com","actions":["spaces.read"]}`},
	"getApproval":      {200, "GET", "/v1/approvals/" + strings.Repeat("0", 64), ""},
	"disconnectPerson": {200, "DELETE", "/v1/people/ada@example.com/connection", ""},
	"listTemplates":    {200, "GET", "/v1/templates", ""},
	"getTemplate":      {200, "GET", "/v1/templates/Operators", ""},
	"putTemplate":      {200, "PUT", "/v1/templates/Own", `{"description":"d"}`},
	"deleteTemplate":   {204, "DELETE", "/v1/templates/Own", ""},
	"sweep":            {200, "POST", "/v1/sweep", ""},
}

// Every operation of the document is registered under its path, needs a token, and answers as documented.
func TestDocument_EachOperationAnswers(t *testing.T) {
	doc, router := apitest.Document()
	var documented, tested []string
	for _, path := range doc.Paths.Map() {
		for _, operation := range path.Operations() {
			documented = append(documented, operation.OperationID)
		}
	}
	for id := range calls {
		tested = append(tested, id)
	}
	slices.Sort(documented)
	slices.Sort(tested)
	if diff := cmp.Diff(documented, tested); diff != "" {
		t.Errorf("operations of the document and calls of this test: %s", diff)
	}
	for id, c := range calls {
		t.Run(id, func(t *testing.T) {
			inEnv(t, func(t *testing.T, e *env) {
				route, _, err := router.FindRoute(httptest.NewRequestWithContext(t.Context(), c.method,
					strings.Replace(c.path, "{message}", "client-1", 1), nil))
				if err != nil || route.Operation.OperationID != id {
					t.Fatalf("the call is of another operation: %v", err)
				}
				c.path = strings.Replace(c.path, "{message}", "client-1", 1)
				e.refuse("unauthenticated", "ID token", c.method, c.path, c.body, "Authorization", "")
				e.CallersYAML = callersFile("spaces.create") // not read yet
				got := e.call(c.method, c.path, c.body)
				if id == "getApproval" { // needs no action, and knows none
					if got.problem() != "not_found" {
						t.Errorf("without an approval: %d %s", got.Code, got.Body)
					}
				} else if id != "createSpace" && id != "planSpace" && got.problem() != "denied" {
					t.Errorf("without its action: %d %s", got.Code, got.Body)
				}
			})
			t.Run("", func(t *testing.T) {
				inEnv(t, func(_ *testing.T, e *env) {
					if id == "connectPerson" {
						e.AcceptCode(ada, "postmessage", capability.All()...)
					}
					path := calls[id].path
					if strings.Contains(path, "{message}") {
						posted := e.want(201, "POST", team+"/messages", `{"actAs":"ada@example.com","text":"Hello"}`,
							"Idempotency-Key", "to be changed").text("name")
						path = strings.Replace(path, "{message}", posted[strings.LastIndex(posted, "/")+1:], 1)
					}
					if id == "getApproval" {
						asked := calls["requestApproval"]
						path = "/v1/" + e.want(asked.status, asked.method, asked.path, asked.body).text("name")
					}
					e.want(c.status, c.method, path, c.body)
				})
			})
		})
	}
}

// The other methods of each path are refused with those that the document has.
func TestDocument_OtherMethods(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		doc, _ := apitest.Document()
		order := []string{"GET", "POST", "PUT", "PATCH", "DELETE"}
		for path, item := range doc.Paths.Map() {
			path = strings.NewReplacer("{space}", "A", "{member}", "1", "{person}", "1", "{template}", "T",
				"{approval}", strings.Repeat("0", 64), "{message}", "client-1").
				Replace(path)
			var allowed []string
			for _, method := range order {
				if item.GetOperation(method) != nil {
					allowed = append(allowed, method)
				}
			}
			list := strings.Join(allowed, ", ")
			for _, method := range append(order, "OPTIONS") {
				if slices.Contains(allowed, method) {
					continue
				}
				got := e.refuse("method_not_allowed", "supports only "+list+".", method, path, "")
				if got.Code != http.StatusMethodNotAllowed || got.Header().Get("Allow") != list {
					t.Errorf("%s %s: %d, Allow %q", method, path, got.Code, got.Header().Get("Allow"))
				}
			}
		}
		for _, path := range []string{"/v1", "/v2/spaces", "/v1/spaces/A/B", "/v1/people/1", "/openapi.json"} {
			if got := e.refuse("not_found", "/openapi.yaml", "GET", path, ""); got.Code != http.StatusNotFound {
				t.Errorf("%s: %d", path, got.Code)
			}
		}
		if strings.Contains(e.Log(), "/v2") || !strings.Contains(e.Log(), "path=/{unknown}") {
			t.Error("the log has a path that may name people")
		}
	})
}

func TestDocument_Served(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		get := func(path string) *httptest.ResponseRecorder {
			out := httptest.NewRecorder()
			e.handler.ServeHTTP(out, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			return out
		}
		yaml := get("/openapi.yaml")
		if yaml.Header().Get("Content-Type") != "application/yaml; charset=utf-8" ||
			yaml.Body.String() != strings.ReplaceAll(string(api.Document), "API_AUDIENCE", audience) {
			t.Errorf("%v", yaml.Header())
		}
		page := get("/")
		style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(page.Body.String())
		if style == nil || page.Body.String() != strings.ReplaceAll(string(api.Page), "API_AUDIENCE", audience) {
			t.Fatal("not the page")
		}
		script := regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindStringSubmatch(page.Body.String())
		hash := func(text string) string {
			sum := sha256.Sum256([]byte(text))
			return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
		}
		want := http.Header{
			"Content-Type": {"text/html; charset=utf-8"}, "Referrer-Policy": {"no-referrer"},
			"X-Content-Type-Options": {"nosniff"},
			"Content-Security-Policy": {
				"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
					"connect-src 'self'; style-src " + hash(style[1]) + "; script-src " + hash(script[1]),
			},
		}
		if diff := cmp.Diff(want, page.Header()); diff != "" {
			t.Error(diff)
		}
	})
}

package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
)

const (
	create  = "POST /v1/spaces"
	list    = "GET /v1/spaces"
	member  = "GET /v1/spaces/{space}/members/{member}"
	invite  = "POST /v1/people/{person}/connection"
	connect = "POST /v1/people/{person}/connection:connect"
	put     = "PUT /v1/templates/{template}"
	post    = "POST /v1/spaces/{space}/messages"
)

// check checks a request with a valid key and Content-Type, unless changed.
func check(pattern, target, body string, change ...func(http.Header)) error {
	method, _, _ := strings.Cut(pattern, " ")
	r := httptest.NewRequest(method, "https://d.example/", http.NoBody)
	if u, err := r.URL.Parse(target); err == nil {
		r.URL = u
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", "a-good-key")
	for _, apply := range change {
		apply(r.Header)
	}
	return api.Check(r, pattern, []byte(body))
}

func createSpace(body string, change ...func(http.Header)) error {
	return check(create, "/v1/spaces", body, change...)
}

func listSpaces(query string) error { return check(list, "/v1/spaces?"+query, "") }

func TestCheck_InvalidRequests(t *testing.T) {
	header := func(name string, values ...string) func(http.Header) {
		return func(h http.Header) { h[name] = values }
	}
	long := func(n int) string { return strings.Repeat("ä", n) }
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"mistyped_field": {
			createSpace(`{"actAs":"a@b.example","dryrun":true}`),
			`Unknown field "dryrun" in the body.`,
		},
		"nested_field": {
			createSpace(`{"actAs":"a@b.example","permissions":{"all":"OWNER"}}`),
			`Unknown field "all" in permissions.`,
		},
		"duplicate_field": {
			createSpace(`{"actAs":"a@b.example","actAs":"c@b.example"}`),
			"actAs",
		},
		"field_case": {
			createSpace(`{"ActAs":"a@b.example","actAs":"c@b.example"}`),
			`Unknown field "ActAs"`,
		},
		"null": {
			createSpace(`{"actAs":null}`),
			"actAs must be a JSON string, not null.",
		},
		"wrong_type": {
			createSpace(`{"actAs":"a@b.example","members":["c@b.example",7]}`),
			"/members/1 must be a JSON string, not number.",
		},
		"missing_field": {
			check(post, "/v1/spaces/A/messages", `{"actAs":"a@b.example"}`),
			"text is missing in the body.",
		},
		"unknown_value": {
			createSpace(`{"actAs":"a@b.example","kind":"BOARD"}`),
			`kind can't be "BOARD". Use one of: [COLLABORATION ANNOUNCEMENTS].`,
		},
		"array": {
			createSpace(`[]`),
			"the body must be a JSON object, not array.",
		},
		"bad_UTF-8": {
			createSpace("{\"actAs\":\"a\xff\"}"),
			"not valid UTF-8",
		},
		"two_values": {
			createSpace(`{"actAs":"a@b.example"} {}`),
			"after top-level value",
		},
		"empty": {
			createSpace(``),
			"isn't a valid JSON object",
		},
		"form": {
			createSpace(`actAs=a`, header("Content-Type", "application/x-www-form-urlencoded")),
			"Content-Type: application/json",
		},
		"text": {
			createSpace(`{"actAs":"a@b.example"}`, header("Content-Type", "text/plain")),
			"Content-Type: application/json",
		},
		"no_Content-Type": {
			createSpace(`{"actAs":"a@b.example"}`, header("Content-Type")),
			"Content-Type: application/json",
		},
		"long_text": {
			createSpace(`{"actAs":"a@b.example","firstMessage":"` + long(4001) + `"}`),
			"firstMessage has 4001 characters. The maximum is 4000.",
		},
		"long_code": {
			check(connect, "/v1/people/1/connection:connect", `{"serverAuthCode":"`+long(2049)+`","clientType":"IOS"}`),
			"serverAuthCode has 2049 characters",
		},
		"many_capabilities": {
			check(invite, "/v1/people/1/connection", `{"capabilities":[`+strings.Repeat(`"Meet",`, 20)+`"Meet"]}`),
			"capabilities has 21 entries",
		},
		"many_audiences": {
			createSpace(`{"actAs":"a@b.example","accessPermissions":{"join":[` +
				strings.Repeat(`"audiences/a",`, 20) + `"audiences/b"]}}`),
			"/accessPermissions/join has 21 entries. The maximum is 20.",
		},
		"long_person": {
			createSpace(`{"actAs":"` + long(321) + `"}`),
			"actAs has 321 characters. The maximum is 320.",
		},
		"long_If-Match": {
			check(put, "/v1/templates/a", `{}`, header("If-Match", long(201))),
			"If-Match has 201 characters. The maximum is 200.",
		},
		"no_key": {
			createSpace(`{"actAs":"a@b.example"}`, header("Idempotency-Key")),
			"Idempotency-Key is missing.",
		},
		"two_keys": {
			createSpace(`{"actAs":"a@b.example"}`, header("Idempotency-Key", "key-number-1", "key-number-2")),
			"Idempotency-Key is given more than once.",
		},
		"short_key": {
			createSpace(`{"actAs":"a@b.example"}`, header("Idempotency-Key", "short")),
			"Idempotency-Key has 5 characters. The minimum is 8.",
		},
		"unknown_parameter": {
			listSpaces("actAs=users/1&q=x"),
			`Unknown parameter "q". Use one of: ["actAs" "authority" "pageSize" "pageToken" "query"].`,
		},
		"duplicate_parameter": {
			listSpaces("actAs=users/1&actAs=users/2"),
			"actAs is given more than once.",
		},
		"missing_parameter": {
			listSpaces(""),
			"actAs is missing.",
		},
		"not_a_number": {
			listSpaces("actAs=users/1&pageSize=x"),
			"pageSize must be a whole number.",
		},
		"fraction": {
			listSpaces("actAs=users/1&pageSize=1.5"),
			"pageSize must be a whole number.",
		},
		"large_page": {
			listSpaces("actAs=users/1&pageSize=1001"),
			"pageSize: maximum",
		},
		"unknown_authority": {
			listSpaces("actAs=users/1&authority=root"),
			`authority can't be "root"`,
		},
		"parameter_UTF-8": {
			listSpaces("actAs=%ff"),
			"actAs is not valid UTF-8.",
		},
		"broken_query": {
			listSpaces("actAs=%zz"),
			"The query is invalid",
		},
		"path_traversal": {
			check(member, "/v1/spaces/..%2fA/members/1", ``),
			"The space in the path is invalid.",
		},
		"bad_audience": {
			createSpace(`{"actAs":"a@b.example","audience":"everybody"}`),
			"audience must match ^audiences/",
		},
		"bad_thread": {
			check(post, "/v1/spaces/A/messages", `{"actAs":"users/1","text":"x","thread":"t"}`),
			"thread must match",
		},
		"no_members": {
			check("POST /v1/spaces/{space}/members", "/v1/spaces/A/members", `{"actAs":"users/1","members":[]}`),
			"members has 0 entries. The minimum is 1.",
		},
		"hidden_template": {
			check(put, "/v1/templates/.a", `{}`),
			"The template in the path is invalid.",
		},
		"body_of_GET": {
			check(list, "/v1/spaces?actAs=users/1", `{}`),
			"This operation takes no body.",
		},
	} {
		text := fault.Public(i18n.In("en"), c.err, "")
		if c.err == nil || fault.KindOf(c.err) != fault.Invalid || !strings.Contains(text, c.want) {
			t.Errorf("%s: %v: %q, want %q", name, c.err, text, c.want)
		}
	}
}

func TestCheck_ValidRequests(t *testing.T) {
	for name, err := range map[string]error{
		"space": createSpace(`{"actAs":"a@b.example","displayName":"x","members":["users/1","groups/a"],` +
			`"accessPermissions":{"join":["audiences/a"]}}`),
		"charset": createSpace(`{"actAs":"a@b.example"}`, func(h http.Header) {
			h.Set("Content-Type", "application/json; charset=utf-8")
		}),
		"page":              listSpaces("actAs=users/1&pageSize=1000&authority=admin"),
		"member_by_address": check(member, "/v1/spaces/A-_9/members/ada%40b.example?actAs=users/1", ``),
		"French_template":   check(put, "/v1/templates/R%C3%A9union", `{"displayName":"{{title}}"}`),
		"long_text": check(post, "/v1/spaces/A/messages",
			`{"actAs":"users/1","text":"`+strings.Repeat("ä", 16_000)+`"}`),
	} {
		if err != nil {
			t.Errorf("%s: %v: %s", name, err, fault.Public(i18n.In("en"), err, ""))
		}
	}
}

// Attack: a body of a megabyte with an error in each entry of a list would
// exhaust the memory of an instance with validation errors.
func TestCheck_MillionErrors(t *testing.T) {
	fields := strings.Builder{}
	for i := range 50_000 {
		_, _ = fmt.Fprintf(&fields, `,"f%d":1`, i)
	}
	for name, body := range map[string]string{
		"lists":   `{"members":[[` + strings.Repeat("1],[", 600) + `1]]}`,
		"entries": `{"actAs":"users/1","members":[1` + strings.Repeat(",1", 500_000) + `]}`,
		"fields":  `{"actAs":"users/1"` + fields.String() + `}`,
		"inside":  `{"actAs":"users/1","accessPermissions":{"join":[1` + strings.Repeat(",1", 500_000) + `]}}`,
	} {
		text := fault.Public(i18n.In("en"), createSpace(body), "")
		if !strings.Contains(text, "more than 1000 values") && !strings.Contains(text, "more than 10000 values") {
			t.Errorf("%s: %.200s", name, text)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	for b.Loop() {
		err := createSpace(`{"actAs":"a@b.example","displayName":"Incident 7","members":["users/1","users/2"],` +
			`"firstMessage":"Hello"}`)
		if err != nil {
			b.Fatal(err)
		}
	}
}

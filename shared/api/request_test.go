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
	create = "POST /v1/spaces"
	list   = "GET /v1/spaces"
	member = "GET /v1/spaces/{space}/members/{member}"
	invite = "POST /v1/people/{person}/connection"
	put    = "PUT /v1/templates/{template}"
	post   = "POST /v1/spaces/{space}/messages"
)

// check sends a request with a good key and Content-Type, unless changed.
func check(pattern, target, body string, change ...func(http.Header)) error {
	method, _, _ := strings.Cut(pattern, " ")
	r := httptest.NewRequest(method, "https://d.example/", http.NoBody)
	if at, err := r.URL.Parse(target); err == nil {
		r.URL = at
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", "a-good-key")
	for _, do := range change {
		do(r.Header)
	}
	return api.Check(r, pattern, []byte(body))
}

func TestWhatTheDocumentDoesNotHaveIsRefusedWithAWordOnWhatToMend(t *testing.T) {
	header := func(name string, values ...string) func(http.Header) {
		return func(h http.Header) { h[name] = values }
	}
	long := func(n int) string { return strings.Repeat("ä", n) }
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"a mistyped field":        {check(create, "/v1/spaces", `{"actAs":"a@b.example","dryrun":true}`), `There is no field "dryrun" in the body.`},
		"a field inside":          {check(create, "/v1/spaces", `{"actAs":"a@b.example","permissions":{"all":"OWNER"}}`), `There is no field "all" in permissions.`},
		"a doubled field":         {check(create, "/v1/spaces", `{"actAs":"a@b.example","actAs":"c@b.example"}`), "actAs"},
		"a field in capitals":     {check(create, "/v1/spaces", `{"ActAs":"a@b.example","actAs":"c@b.example"}`), `There is no field "ActAs"`},
		"null":                    {check(create, "/v1/spaces", `{"actAs":null}`), "actAs must be a JSON string, not null."},
		"another type":            {check(create, "/v1/spaces", `{"actAs":"a@b.example","members":["c@b.example",7]}`), "members.1 must be a JSON string, not number."},
		"a field left out":        {check(post, "/v1/spaces/A/messages", `{"actAs":"a@b.example"}`), "text is missing in the body."},
		"an unknown value":        {check(create, "/v1/spaces", `{"actAs":"a@b.example","kind":"BOARD"}`), `kind: "BOARD" is not one of its values: [COLLABORATION ANNOUNCEMENTS].`},
		"a list instead":          {check(create, "/v1/spaces", `[]`), "the body must be a JSON object, not array."},
		"bad UTF-8":               {check(create, "/v1/spaces", "{\"actAs\":\"a\xff\"}"), "not valid UTF-8"},
		"two values":              {check(create, "/v1/spaces", `{"actAs":"a@b.example"} {}`), "more than one JSON value"},
		"nothing":                 {check(create, "/v1/spaces", ``), "not the JSON object"},
		"a form":                  {check(create, "/v1/spaces", `actAs=a`, header("Content-Type", "application/x-www-form-urlencoded")), "Content-Type: application/json"},
		"text, as a browser asks": {check(create, "/v1/spaces", `{"actAs":"a@b.example"}`, header("Content-Type", "text/plain")), "Content-Type: application/json"},
		"no Content-Type":         {check(create, "/v1/spaces", `{"actAs":"a@b.example"}`, header("Content-Type")), "Content-Type: application/json"},
		"too long a text":         {check(create, "/v1/spaces", `{"actAs":"a@b.example","firstMessage":"`+long(4001)+`"}`), "firstMessage has 4001 characters. The most is 4000."},
		"too long a code":         {check(invite, "/v1/people/1/connection", `{"serverAuthCode":"`+long(2049)+`","clientType":"IOS"}`), "serverAuthCode has 2049 characters"},
		"too many capabilities":   {check(invite, "/v1/people/1/connection", `{"capabilities":[`+strings.Repeat(`"Meet",`, 20)+`"Meet"]}`), "capabilities has 21 entries"},
		"too many audiences":      {check(create, "/v1/spaces", `{"actAs":"a@b.example","accessPermissions":{"join":[`+strings.Repeat(`"audiences/a",`, 20)+`"audiences/b"]}}`), "accessPermissions.join has 21 entries. The most is 20."},
		"too long a person":       {check(create, "/v1/spaces", `{"actAs":"`+long(321)+`"}`), "actAs has 321 characters. The most is 320."},
		"too long an If-Match":    {check(put, "/v1/templates/a", `{}`, header("If-Match", long(201))), "If-Match has 201 characters. The most is 200."},
		"no key":                  {check(create, "/v1/spaces", `{"actAs":"a@b.example"}`, header("Idempotency-Key")), "Idempotency-Key is missing."},
		"two keys":                {check(create, "/v1/spaces", `{"actAs":"a@b.example"}`, header("Idempotency-Key", "key-number-1", "key-number-2")), "Idempotency-Key is given more than once."},
		"a short key":             {check(create, "/v1/spaces", `{"actAs":"a@b.example"}`, header("Idempotency-Key", "short")), "Idempotency-Key has 5 characters. The least is 8."},
		"an unknown parameter":    {check(list, "/v1/spaces?actAs=users/1&q=x", ``), `There is no parameter "q" here. Known: ["actAs" "authority" "pageSize" "pageToken" "query"].`},
		"a parameter twice":       {check(list, "/v1/spaces?actAs=users/1&actAs=users/2", ``), "actAs is given more than once."},
		"a parameter left out":    {check(list, "/v1/spaces", ``), "actAs is missing."},
		"no number":               {check(list, "/v1/spaces?actAs=users/1&pageSize=x", ``), "pageSize must be a whole number."},
		"a fraction":              {check(list, "/v1/spaces?actAs=users/1&pageSize=1.5", ``), "pageSize must be a whole number."},
		"too large a page":        {check(list, "/v1/spaces?actAs=users/1&pageSize=1001", ``), "pageSize: maximum"},
		"an unknown authority":    {check(list, "/v1/spaces?actAs=users/1&authority=root", ``), `authority: "root" is not one of its values`},
		"a parameter in no UTF-8": {check(list, "/v1/spaces?actAs=%ff", ``), "actAs is not valid UTF-8."},
		"a broken query":          {check(list, "/v1/spaces?actAs=%zz", ``), "The query cannot be read"},
		"a path that climbs":      {check(member, "/v1/spaces/..%2fA/members/1", ``), "The space in the path is not one."},
		"an audience":             {check(create, "/v1/spaces", `{"actAs":"a@b.example","audience":"everybody"}`), "audience does not have its form, ^audiences/"},
		"a thread elsewhere":      {check(post, "/v1/spaces/A/messages", `{"actAs":"users/1","text":"x","thread":"t"}`), "thread does not have its form"},
		"nobody to add":           {check("POST /v1/spaces/{space}/members", "/v1/spaces/A/members", `{"actAs":"users/1","members":[]}`), "members has 0 entries. The least is 1."},
		"a hidden template":       {check(put, "/v1/templates/.a", `{}`), "The template in the path is not one."},
		"a body for a read":       {check(list, "/v1/spaces?actAs=users/1", `{}`), "This operation takes no body."},
	} {
		if text := fault.Public(i18n.In("en"), c.err, ""); c.err == nil || fault.KindOf(c.err) != fault.Invalid || !strings.Contains(text, c.want) {
			t.Errorf("%s: %v: %q, want %q", name, c.err, text, c.want)
		}
	}
}

func TestWhatTheDocumentHasPasses(t *testing.T) {
	for name, err := range map[string]error{
		"a space":              check(create, "/v1/spaces", `{"actAs":"a@b.example","displayName":"x","members":["users/1","groups/a"],"accessPermissions":{"join":["audiences/a"]}}`),
		"with a charset":       check(create, "/v1/spaces", `{"actAs":"a@b.example"}`, func(h http.Header) { h.Set("Content-Type", "application/json; charset=utf-8") }),
		"a page":               check(list, "/v1/spaces?actAs=users/1&pageSize=1000&authority=admin", ``),
		"a member by address":  check(member, "/v1/spaces/A-_9/members/ada%40b.example?actAs=users/1", ``),
		"a long text":          check(post, "/v1/spaces/A/messages", `{"actAs":"users/1","text":"`+strings.Repeat("ä", 16_000)+`"}`),
		"a template in French": check(put, "/v1/templates/R%C3%A9union", `{"displayName":"{{title}}"}`),
	} {
		if err != nil {
			t.Errorf("%s: %v: %s", name, err, fault.Public(i18n.In("en"), err, ""))
		}
	}
}

// Attack: a body of a megabyte, each entry of its list wrong, would fill the memory
// of an instance with what is wrong.
func TestABodyOfAMillionFaultsIsRefusedBeforeTheyAreCounted(t *testing.T) {
	fields := strings.Builder{}
	for i := range 50_000 {
		_, _ = fmt.Fprintf(&fields, `,"f%d":1`, i)
	}
	for name, body := range map[string]string{
		"entries": `{"actAs":"users/1","members":[1` + strings.Repeat(",1", 500_000) + `]}`,
		"fields":  `{"actAs":"users/1"` + fields.String() + `}`,
		"inside":  `{"actAs":"users/1","accessPermissions":{"join":[1` + strings.Repeat(",1", 500_000) + `]}}`,
	} {
		if text := fault.Public(i18n.In("en"), check(create, "/v1/spaces", body), ""); !strings.Contains(text, "more than 1000 entries") {
			t.Errorf("%s: %.200s", name, text)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	for b.Loop() {
		if err := check(create, "/v1/spaces", `{"actAs":"a@b.example","displayName":"Incident 7","members":["users/1","users/2"],"firstMessage":"Hello"}`); err != nil {
			b.Fatal(err)
		}
	}
}

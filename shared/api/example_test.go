package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// values are those of the examples' parameters.
var values = map[string]string{
	"space": "AAAAexample", "member": "grace@example.com", "person": "ada@example.com", "template": "Outage",
	"message": "client-example", "approval": strings.Repeat("0", 64), "actAs": "ada@example.com",
	"confirm":    "Incident 4711",
	"updateMask": "description",
}

// addExamples adds one request in several languages.
func (op *operation) addExamples(o *openapi3.Operation) {
	op.Target = op.Path
	query := url.Values{}
	keyed := false
	for _, p := range op.Parameters {
		switch {
		case p.In == "path":
			op.Target = strings.ReplaceAll(op.Target, "{"+p.Name+"}", values[p.Name])
		case p.In == "query" && p.Required:
			query.Set(p.Name, values[p.Name])
		case p.Name == "Idempotency-Key":
			keyed = true
		}
	}
	if len(query) > 0 {
		op.Target += "?" + strings.ReplaceAll(query.Encode(), "%40", "@")
	}
	if o.RequestBody != nil {
		text, err := json.MarshalIndent(o.RequestBody.Value.Content["application/json"].Example, "", "  ")
		if err != nil {
			panic(err)
		}
		op.Example = string(text)
	}
	for status, r := range o.Responses.Map() {
		if content := r.Value.Content["application/json"]; content != nil && status != "202" {
			text, err := json.MarshalIndent(content.Example, "", "  ")
			if err != nil || content.Example == nil {
				panic(fmt.Sprintf("%s: no example of the response %s", op.ID, status))
			}
			op.Response = string(text)
		}
	}
	op.Curl = op.curl(keyed)
	op.Go = op.inGo(keyed)
	op.TypeScript = op.inTypeScript(keyed)
}

func (op *operation) curl(keyed bool) string {
	var b strings.Builder
	method := ""
	if op.Method != http.MethodGet && (op.Method != http.MethodPost || op.Example == "") {
		method = "-X " + op.Method + " "
	}
	fmt.Fprintf(&b, "curl -sS --fail-with-body %s\"$DEPUTY%s\" \\\n", method, op.Target)
	b.WriteString("  -H \"Authorization: Bearer $TOKEN\"")
	if keyed {
		b.WriteString(" \\\n  -H \"Idempotency-Key: " + op.ID + "-$(date +%s)\"")
	}
	if op.Example != "" {
		fmt.Fprintf(&b, " \\\n  --json '%s'", op.Example)
	}
	return b.String()
}

func (op *operation) inGo(keyed bool) string {
	body, headers := "nil", ""
	if op.Example != "" {
		body = "strings.NewReader(`" + op.Example + "`)"
		headers += "req.Header.Set(\"Content-Type\", \"application/json\")\n"
	}
	if keyed {
		headers += "req.Header.Set(\"Idempotency-Key\", uuid.NewString()) // the same to repeat it\n"
	}
	return fmt.Sprintf(`req, err := http.NewRequestWithContext(ctx, %q, deputy+%q, %s)
if err != nil {
	return err
}
req.Header.Set("Authorization", "Bearer "+token)
%sres, err := http.DefaultClient.Do(req)`, op.Method, op.Target, body, headers)
}

func (op *operation) inTypeScript(keyed bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "const response = await fetch(`${deputy}%s`, {\n  method: %q,\n", op.Target, op.Method)
	b.WriteString("  headers: {\n    Authorization: `Bearer ${token}`,\n")
	if op.Example != "" {
		b.WriteString("    \"Content-Type\": \"application/json\",\n")
	}
	if keyed {
		b.WriteString("    \"Idempotency-Key\": crypto.randomUUID(), // the same to repeat it\n")
	}
	b.WriteString("  },\n")
	if op.Example != "" {
		fmt.Fprintf(&b, "  body: JSON.stringify(%s),\n", strings.ReplaceAll(op.Example, "\n", "\n  "))
	}
	b.WriteString("});")
	return b.String()
}

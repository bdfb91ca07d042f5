package api_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"example.com/deputy/shared/api"
)

// shapes collects the schemas below one.
func shapes(at string, ref *openapi3.SchemaRef, seen map[string]*openapi3.Schema) {
	if ref == nil || ref.Value == nil {
		return
	}
	if ref.Ref != "" {
		at = last(ref.Ref)
	}
	if seen[at] != nil {
		return
	}
	s := ref.Value
	seen[at] = s
	for name, property := range s.Properties {
		shapes(at+"."+name, property, seen)
	}
	shapes(at+"[]", s.Items, seen)
	shapes(at+"{}", s.AdditionalProperties.Schema, seen)
	for _, list := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf} {
		for _, part := range list {
			shapes(at+"+", part, seen)
		}
	}
}

// A request is closed, so that a misspelled field is refused. A response is open, so that a strict client survives a
// new field or a new value. Every success of an operation has one schema, which all generators can express.
func TestDocument_Contract(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(api.Document)
	if err != nil {
		t.Fatal(err)
	}
	requests, responses := map[string]*openapi3.Schema{}, map[string]*openapi3.Schema{}
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			if o.RequestBody != nil {
				shapes("body", o.RequestBody.Value.Content["application/json"].Schema, requests)
				delete(requests, "body")
			}
			var successes []string
			for status, r := range o.Responses.Map() {
				body := "none"
				for _, content := range r.Value.Content {
					shapes(status, content.Schema, responses)
					body = last(content.Schema.Ref)
				}
				if strings.HasPrefix(status, "2") && !slices.Contains(successes, body) {
					successes = append(successes, body)
				}
			}
			responds := func(status string) bool { return o.Responses.Value(status) != nil }
			if len(o.Tags) != 1 || !responds("4XX") || !responds("5XX") {
				t.Errorf("%s %s: tags %v, or an error that isn't described", method, path, o.Tags)
			}
			if len(successes) != 1 {
				t.Errorf("%s %s: successes with %v", method, path, successes)
			}
		}
	}
	for name, s := range requests {
		closed := s.AdditionalProperties.Has != nil && !*s.AdditionalProperties.Has
		if s.Type.Is("object") && !closed {
			t.Errorf("the request's %s accepts unknown fields", name)
		}
	}
	for name, s := range responses {
		if s.AdditionalProperties.Has != nil && !*s.AdditionalProperties.Has {
			t.Errorf("the response's %s refuses new fields", name)
		}
		if len(s.Enum) > 0 || s.Pattern != "" || s.MaxLength != nil || s.MaxItems != nil || s.Max != nil {
			t.Errorf("the response's %s refuses new values", name)
		}
	}
	if len(requests) < 20 || len(responses) < 40 {
		t.Errorf("only %d and %d schemas", len(requests), len(responses))
	}
}

package api_test

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"html/template"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"example.com/deputy/shared/api"
)

var update = flag.Bool("update", false, "write page.html")

type field struct {
	Name, In, Kind, Link, What string
	Required                   bool
}

type answer struct{ Status, What, Body string }

type operation struct {
	ID, Method, Path, Summary, Description, Body string
	Parameters                                   []field
	Answers                                      []answer
	Target, Example, Curl, Go, TypeScript        string // of one request
	Response                                     string // to it; empty if it has no body
	order                                        int
}

// group holds the operations with one tag.
type group struct {
	Name, What string
	Operations []operation
}

type schema struct {
	Name, What string
	Values     []any
	Fields     []field
}

func TestPage_MatchesDocument(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(api.Document)
	if err != nil {
		t.Fatal(err)
	}
	page, err := template.ParseFiles("testdata/page.gotmpl")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := page.Execute(&out, map[string]any{
		"Title": doc.Info.Title, "What": flow(doc.Info.Description),
		"Groups": groups(doc), "Schemas": schemas(doc), "Problem": problem(doc),
	}); err != nil {
		t.Fatal(err)
	}
	if *update {
		err := os.WriteFile("page.html", []byte(out.String()), 0o644) //nolint:gosec // a public file
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	if out.String() != string(api.Page) {
		t.Error("page.html differs from the document; run go test ./shared/api -args -update")
	}
	loaded := regexp.MustCompile(`(?s)<pre.*?</pre>`).ReplaceAllString(string(api.Page), "") // examples load nothing
	for _, source := range []string{"http://", "https://", "src=", "url(", "<script ", "import("} {
		if strings.Contains(loaded, source) {
			t.Errorf("the page has %q, but must load nothing from another origin", source)
		}
	}
	if n := strings.Count(out.String(), "<article"); n < 40 {
		t.Errorf("only %d operations and bodies", n)
	}
}

// problem returns an example of an error.
func problem(doc *openapi3.T) string {
	text, err := json.MarshalIndent(
		doc.Components.Responses["failed"].Value.Content["application/problem+json"].Example, "", "  ")
	if err != nil {
		panic(err)
	}
	return string(text)
}

func groups(doc *openapi3.T) (out []group) {
	for _, t := range doc.Tags {
		out = append(out, group{t.Name, t.Description, operations(doc, t.Name)})
	}
	return out
}

func operations(doc *openapi3.T, tag string) []operation {
	var out []operation
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			if o.Tags[0] != tag {
				continue
			}
			op := operation{
				ID: o.OperationID, Method: method, Path: path, Summary: o.Summary, Description: flow(o.Description),
				order: strings.Index(string(api.Document), "operationId: "+o.OperationID+"\n"),
			}
			for _, p := range append(slices.Clone(item.Parameters), o.Parameters...) {
				op.Parameters = append(op.Parameters, field{
					Name: p.Value.Name, In: p.Value.In, Required: p.Value.Required,
					What: flow(p.Value.Description + limits(p.Value.Schema)),
				})
			}
			if o.RequestBody != nil {
				op.Body = last(o.RequestBody.Value.Content["application/json"].Schema.Ref)
			}
			for status, r := range o.Responses.Map() {
				a := answer{Status: status, What: flow(*r.Value.Description)}
				for _, content := range r.Value.Content {
					a.Body = last(content.Schema.Ref)
				}
				op.Answers = append(op.Answers, a)
			}
			op.addExamples(o)
			slices.SortFunc(op.Answers, func(a, b answer) int { return cmp.Compare(a.Status, b.Status) })
			out = append(out, op)
		}
	}
	slices.SortFunc(out, func(a, b operation) int { return cmp.Compare(a.order, b.order) })
	return out
}

func schemas(doc *openapi3.T) []schema {
	var out []schema
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
		s := doc.Components.Schemas[name].Value
		entry := schema{Name: name, What: flow(s.Description), Values: s.Enum}
		if s.Type.Is("string") && s.Pattern != "" {
			entry.What += " (" + s.Pattern + ")"
		}
		for _, property := range slices.Sorted(maps.Keys(s.Properties)) {
			p := s.Properties[property]
			f := field{Name: property, Required: slices.Contains(s.Required, property), Link: last(p.Ref)}
			if p.Ref == "" {
				f.Kind = strings.Join(p.Value.Type.Slice(), " ")
				if p.Value.Items != nil {
					f.Kind, f.Link = "list of ", last(p.Value.Items.Ref)
				}
				f.What = flow(p.Value.Description + limits(p))
			}
			entry.Fields = append(entry.Fields, f)
		}
		out = append(out, entry)
	}
	return out
}

// limits returns the limits of a schema for a reader; empty for none.
func limits(s *openapi3.SchemaRef) string {
	if s == nil {
		return ""
	}
	var out []string
	v := s.Value
	if len(v.Enum) > 0 && s.Ref == "" {
		var values []string
		for _, e := range v.Enum {
			values = append(values, fmt.Sprint(e))
		}
		out = append(out, "one of "+strings.Join(values, ", "))
	}
	switch {
	case v.MaxLength != nil && v.MinLength > 1:
		out = append(out, fmt.Sprintf("%d to %d characters", v.MinLength, *v.MaxLength))
	case v.MaxLength != nil:
		out = append(out, fmt.Sprintf("at most %d characters", *v.MaxLength))
	}
	if v.MaxItems != nil {
		out = append(out, fmt.Sprintf("at most %d", *v.MaxItems))
	}
	if v.Max != nil {
		out = append(out, fmt.Sprintf("at most %g", *v.Max))
	}
	if len(out) == 0 {
		return ""
	}
	return " (" + strings.Join(out, "; ") + ")"
}

// flow joins the lines of each paragraph of a text.
func flow(text string) string {
	var out []string
	for part := range strings.SplitSeq(text, "\n\n") {
		out = append(out, strings.Join(strings.Fields(part), " "))
	}
	return strings.TrimSpace(strings.Join(out, "\n\n"))
}

func last(ref string) string { return ref[strings.LastIndex(ref, "/")+1:] }

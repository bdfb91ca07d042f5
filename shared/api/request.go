package api

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/strictjson"
)

// ErrMediaType says that a body is not said to be JSON. A form that a browser
// sends to another site without asking is none.
var ErrMediaType = errors.New("the Content-Type is not application/json")

// Check refuses a request that is not as the document has it, with an Invalid
// fault that says what to mend: the generated server passes over what it does not
// know, so that something mistyped would silently be left out. pattern is the
// operation's, such as "GET /v1/spaces/{space}"; body is what was sent.
func Check(r *http.Request, pattern string, body []byte) error {
	this := schemas()[pattern]
	if this == nil {
		return invalid(i18n.English("There is nothing here; /openapi.yaml has all operations."))
	}
	if err := this.checkPath(pattern, r.URL.EscapedPath()); err != nil {
		return err
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return invalid(i18n.English("The query cannot be read: %v."), err)
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if _, known := this.parameters["query "+name]; !known {
			return invalid(i18n.English("There is no parameter %q here. Known: %q."), name, this.named("query"))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(this.parameters)) {
		p := this.parameters[id]
		in, name, _ := strings.Cut(id, " ")
		values := query[name]
		if in == "header" {
			values = r.Header.Values(name)
		}
		if in != "path" {
			if err := p.check(name, values); err != nil {
				return err
			}
		}
	}
	return this.checkBody(r.Header.Get("Content-Type"), body)
}

// Decode reads the body that an operation takes, such as "PUT
// /v1/templates/{template}", into its type; Invalid if the document does not have
// it so.
func Decode(body []byte, pattern string, into any) error {
	if err := checkJSON(schemas()[pattern].body, body); err != nil {
		return err
	}
	return fault.Wrap("api.Decode", json.Unmarshal(body, into))
}

// operation is what a request of one may have.
type operation struct {
	parameters map[string]parameter // by place and name
	body       *jsonschema.Schema   // nil for none
}

type parameter struct {
	required bool
	number   bool
	schema   *jsonschema.Schema
}

func (o *operation) named(place string) []string {
	var out []string
	for id := range o.parameters {
		if name, ok := strings.CutPrefix(id, place+" "); ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// checkPath checks what stands in the places of a path: it goes into addresses at
// Google and into ids of records.
func (o *operation) checkPath(pattern, escaped string) error {
	_, path, _ := strings.Cut(pattern, " ")
	parts := strings.Split(escaped, "/")
	for i, place := range strings.Split(path, "/") {
		p, ok := o.parameters["path "+strings.Trim(place, "{}")]
		if !ok || i >= len(parts) {
			continue
		}
		text, err := url.PathUnescape(parts[i])
		if err != nil || p.check("", []string{text}) != nil {
			return invalid(i18n.English("The %s in the path is not one."), strings.Trim(place, "{}"))
		}
	}
	return nil
}

func (p parameter) check(name string, values []string) error {
	switch {
	case len(values) == 0 && p.required:
		return invalid(i18n.English("%s is missing."), name)
	case len(values) == 0:
		return nil
	case len(values) > 1:
		return invalid(i18n.English("%s is given more than once."), name)
	case !utf8.ValidString(values[0]):
		return invalid(i18n.English("%s is not valid UTF-8."), name)
	}
	value := any(values[0])
	if p.number {
		number, err := strconv.Atoi(values[0])
		if err != nil {
			return invalid(i18n.English("%s must be a whole number."), name)
		}
		value = number
	}
	return explain(name, p.schema.Validate(value))
}

func (o *operation) checkBody(contentType string, body []byte) error {
	if o.body == nil {
		if len(bytes.TrimSpace(body)) > 0 {
			return invalid(i18n.English("This operation takes no body."))
		}
		return nil
	}
	if media, _, err := mime.ParseMediaType(contentType); len(body) > 0 && (err != nil || media != "application/json") {
		return &fault.Error{
			Op: "api.Check", Kind: fault.Invalid, Err: ErrMediaType,
			Public: i18n.English("Send the body as JSON, with the header Content-Type: application/json."),
		}
	}
	return checkJSON(o.body, body)
}

func checkJSON(schema *jsonschema.Schema, body []byte) error {
	var value any
	if err := strictjson.Decode(body, &value); err != nil {
		return invalid(i18n.English("The body is not the JSON object of this operation: %s."), err.Error())
	}
	if crowded(value) {
		return invalid(i18n.English("The body has a list or an object with more than %d entries."), mostEntries)
	}
	return explain("", schema.Validate(value))
}

// mostEntries is more than any list or object of the document takes. The schemas
// note every wrong entry: without a bound, one body would fill the memory of an
// instance.
const mostEntries = 1000

func crowded(value any) bool {
	switch v := value.(type) {
	case []any:
		return len(v) > mostEntries || slices.ContainsFunc(v, crowded)
	case map[string]any:
		return len(v) > mostEntries || slices.ContainsFunc(slices.Collect(maps.Values(v)), crowded)
	}
	return false
}

// explain says what is wrong with a value: the first fault by its place.
func explain(name string, err error) error {
	wrong, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return fault.Wrap("api.explain", err)
	}
	var leaves []*jsonschema.ValidationError
	var collect func(*jsonschema.ValidationError)
	collect = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 {
			leaves = append(leaves, e)
		}
		for _, cause := range e.Causes {
			collect(cause)
		}
	}
	collect(wrong)
	first := slices.MinFunc(leaves, func(a, b *jsonschema.ValidationError) int {
		return slices.Compare(a.InstanceLocation, b.InstanceLocation)
	})
	at := cmp.Or(name, strings.Join(first.InstanceLocation, "."), "the body")
	switch k := first.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		return invalid(i18n.English("There is no field %q in %s."), slices.Min(k.Properties), at)
	case *kind.Required:
		return invalid(i18n.English("%s is missing in %s."), strings.Join(k.Missing, ", "), at)
	case *kind.Enum:
		return invalid(i18n.English("%s: %q is not one of its values: %v."), at, k.Got, k.Want)
	case *kind.Type:
		return invalid(i18n.English("%s must be a JSON %s, not %s."), at, strings.Join(k.Want, " or "), k.Got)
	case *kind.MaxLength:
		return invalid(i18n.English("%s has %d characters. The most is %d."), at, k.Got, k.Want)
	case *kind.MinLength:
		return invalid(i18n.English("%s has %d characters. The least is %d."), at, k.Got, k.Want)
	case *kind.MinItems:
		return invalid(i18n.English("%s has %d entries. The least is %d."), at, k.Got, k.Want)
	case *kind.MaxItems:
		return invalid(i18n.English("%s has %d entries. The most is %d."), at, k.Got, k.Want)
	case *kind.Pattern:
		return invalid(i18n.English("%s does not have its form, %s."), at, k.Want)
	}
	return invalid(i18n.English("%s: %s."), at, first.ErrorKind.LocalizedString(message.NewPrinter(language.English)))
}

func invalid(text i18n.Text, args ...any) error {
	return &fault.Error{Op: "api.Check", Kind: fault.Invalid, Public: text, Args: args, Err: errors.New("not as the document has it")}
}

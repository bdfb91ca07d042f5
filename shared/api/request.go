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

// ErrMediaType says that a body is not declared as JSON. A browser can send a
// form to another site without a preflight, but not JSON.
var ErrMediaType = errors.New("the Content-Type is not application/json")

// Check returns an Invalid fault for a request that does not match the document.
// The generated server ignores unknown fields and parameters, so it would ignore
// a typing error. pattern names the operation, such as "GET /v1/spaces/{space}".
func Check(r *http.Request, pattern string, body []byte) error {
	op := schemas()[pattern]
	if op == nil {
		return invalid(i18n.English("This path doesn't exist. See /openapi.yaml for all operations."))
	}
	if err := op.checkPath(pattern, r.URL.EscapedPath()); err != nil {
		return err
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return invalid(i18n.English("The query is invalid: %v."), err)
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if _, known := op.parameters["query "+name]; !known {
			err := invalid(i18n.English("Unknown parameter %q. Use one of: %q."), name, op.names("query"))
			return inParameter(name, err)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(op.parameters)) {
		p := op.parameters[id]
		in, name, _ := strings.Cut(id, " ")
		values := query[name]
		if in == "header" {
			values = r.Header.Values(name)
		}
		if in != "path" {
			if err := p.check(name, values); err != nil {
				return inParameter(name, err)
			}
		}
	}
	for _, name := range []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"} {
		if _, known := op.parameters["header "+name]; !known && r.Header.Get(name) != "" {
			// A condition that is ignored would be a lost update.
			return inParameter(name, invalid(i18n.English("This operation doesn't support %s. Omit it."), name))
		}
	}
	return op.checkBody(r.Header, body)
}

// FieldError says which field of a request is wrong.
type FieldError struct {
	Pointer   string // of a field of the body: a JSON Pointer (RFC 6901)
	Parameter string // name of a parameter in the path, the query, or the header
}

func (*FieldError) Error() string { return "request doesn't match openapi.yaml" }

// inParameter adds to an error the name of the parameter that is wrong.
func inParameter(name string, err error) error {
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind == fault.Invalid {
		e.Err = &FieldError{Parameter: name}
	}
	return err
}

// Decode decodes the body of an operation, such as "PUT
// /v1/templates/{template}". It fails with Invalid if it does not match, and panics for an unknown operation.
func Decode(body []byte, pattern string, v any) error {
	if err := checkJSON(schemas()[pattern].body, body); err != nil {
		return err
	}
	return fault.Wrap("api.Decode", json.Unmarshal(body, v))
}

// operation holds the schemas of an operation.
type operation struct {
	parameters map[string]parameter // by location and name, such as "query actAs"
	body       *jsonschema.Schema   // nil for none
	maxBody    int                  // in bytes
}

type parameter struct {
	required bool
	number   bool
	schema   *jsonschema.Schema
}

// names returns the sorted names of the parameters in a location.
func (o *operation) names(location string) []string {
	var out []string
	for id := range o.parameters {
		if name, ok := strings.CutPrefix(id, location+" "); ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// checkPath checks the parameters in a path. They become part of Google's URLs and of record ids.
func (o *operation) checkPath(pattern, escaped string) error {
	_, path, _ := strings.Cut(pattern, " ")
	parts := strings.Split(escaped, "/")
	for i, segment := range strings.Split(path, "/") {
		p, ok := o.parameters["path "+strings.Trim(segment, "{}")]
		if !ok || i >= len(parts) {
			continue
		}
		text, err := url.PathUnescape(parts[i])
		if err != nil || p.check("", []string{text}) != nil {
			name := strings.Trim(segment, "{}")
			return inParameter(name, invalid(i18n.English("The %s in the path is invalid."), name))
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

func (o *operation) checkBody(h http.Header, body []byte) error {
	if o.body == nil {
		if len(bytes.TrimSpace(body)) > 0 {
			return invalid(i18n.English("This operation takes no body."))
		}
		return nil
	}
	if encoding := h.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return &fault.Error{
			Op: "api.Check", Kind: fault.Invalid, Err: ErrMediaType, Args: []any{encoding},
			Public: i18n.English("The body has the encoding %q. Send it without a Content-Encoding."),
		}
	}
	media, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if len(body) > 0 && (err != nil || media != "application/json") {
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
		return invalid(i18n.English("The body isn't a valid JSON object: %s."), err.Error())
	}
	if countValues(value) > maxValues {
		return invalid(i18n.English("The body has more than %d values."), maxValues)
	}
	return explain("", schema.Validate(value))
}

// maxValues exceeds every limit in the document. Validation collects an error for
// each invalid value, so an unlimited body could exhaust the memory of an instance.
const maxValues = 1000

func countValues(value any) int {
	n := 1
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			n += countValues(item)
		}
	case map[string]any:
		for _, item := range v {
			n += countValues(item)
		}
	}
	return n
}

// explain returns the first error of a validation, by its location in the value.
func explain(name string, err error) error {
	invalidValue, ok := errors.AsType[*jsonschema.ValidationError](err)
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
	collect(invalidValue)
	first := slices.MinFunc(leaves, func(a, b *jsonschema.ValidationError) int {
		return slices.Compare(a.InstanceLocation, b.InstanceLocation)
	})
	field := cmp.Or(name, strings.Join(first.InstanceLocation, "/"), "the body")
	if len(first.InstanceLocation) > 1 {
		field = "/" + field // a JSON Pointer (RFC 6901)
	}
	location := first.InstanceLocation
	invalid := func(text i18n.Text, args ...any) error { return invalidAt(location, text, args...) }
	switch k := first.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		location = append(slices.Clone(location), slices.Min(k.Properties))
		return invalid(i18n.English("Unknown field %q in %s."), slices.Min(k.Properties), field)
	case *kind.Required:
		location = append(slices.Clone(location), k.Missing[0])
		return invalid(i18n.English("%s is missing in %s."), strings.Join(k.Missing, ", "), field)
	case *kind.Enum:
		return invalid(i18n.English("%s can't be %q. Use one of: %v."), field, k.Got, k.Want)
	case *kind.Type:
		return invalid(i18n.English("%s must be a JSON %s, not %s."), field, strings.Join(k.Want, " or "), k.Got)
	case *kind.MaxLength:
		return invalid(i18n.English("%s has %d characters. The maximum is %d."), field, k.Got, k.Want)
	case *kind.MinLength:
		return invalid(i18n.English("%s has %d characters. The minimum is %d."), field, k.Got, k.Want)
	case *kind.MinItems:
		return invalid(i18n.English("%s has %d entries. The minimum is %d."), field, k.Got, k.Want)
	case *kind.MaxItems:
		return invalid(i18n.English("%s has %d entries. The maximum is %d."), field, k.Got, k.Want)
	case *kind.Pattern:
		return invalid(i18n.English("%s must match %s."), field, k.Want)
	}
	reason := first.ErrorKind.LocalizedString(message.NewPrinter(language.English))
	return invalid(i18n.English("%s: %s."), field, reason)
}

// invalidAt returns the error for a value in the body.
func invalidAt(location []string, text i18n.Text, args ...any) error {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	pointer := ""
	for _, name := range location {
		pointer += "/" + escape.Replace(name)
	}
	return &fault.Error{
		Op: "api.Check", Kind: fault.Invalid, Public: text, Args: args, Err: &FieldError{Pointer: pointer},
	}
}

func invalid(text i18n.Text, args ...any) error {
	err := errors.New("request doesn't match openapi.yaml")
	return &fault.Error{Op: "api.Check", Kind: fault.Invalid, Public: text, Args: args, Err: err}
}

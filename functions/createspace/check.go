package createspace

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/serve"
	"example.com/deputy/shared/words"
)

// Shape is what a request of an operation may have. A test holds it against the
// document.
type Shape struct {
	Body  any // its type; nil for none
	Query []string
	Key   bool // it needs an Idempotency-Key
}

// Shapes are those of all operations, by the pattern they are served under.
func Shapes() map[string]Shape { return maps.Clone(shapes) }

var shapes = map[string]Shape{
	"POST /v1/spaces":                            {api.CreateSpace{}, nil, true},
	"GET /v1/spaces":                             {nil, []string{"actAs", "authority", "query", "pageSize", "pageToken"}, false},
	"GET /v1/spaces/{space}":                     {nil, []string{"actAs", "authority"}, false},
	"PATCH /v1/spaces/{space}":                   {api.UpdateSpace{}, []string{"updateMask"}, true},
	"DELETE /v1/spaces/{space}":                  {nil, []string{"actAs", "authority", "confirm"}, true},
	"GET /v1/spaces/{space}/members":             {nil, []string{"actAs", "authority", "pageSize", "pageToken"}, false},
	"POST /v1/spaces/{space}/members":            {api.AddMembers{}, nil, true},
	"GET /v1/spaces/{space}/members/{member}":    {nil, []string{"actAs", "authority"}, false},
	"PATCH /v1/spaces/{space}/members/{member}":  {api.UpdateMember{}, nil, true},
	"DELETE /v1/spaces/{space}/members/{member}": {nil, []string{"actAs", "authority"}, true},
	"POST /v1/spaces/{space}/messages":           {api.CreateMessage{}, nil, true},
	"POST /v1/spaces/{space}/meetings":           {api.CreateMeeting{}, nil, true},
	"GET /v1/people/{person}/connection":         {nil, nil, false},
	"POST /v1/people/{person}/connection":        {api.InvitePerson{}, nil, false},
	"DELETE /v1/people/{person}/connection":      {nil, nil, true},
	"GET /v1/templates":                          {nil, nil, false},
	"GET /v1/templates/{template}":               {nil, nil, false},
	"PUT /v1/templates/{template}":               {api.PutTemplate{}, nil, false},
	"DELETE /v1/templates/{template}":            {nil, nil, false},
	"POST /v1/sweep":                             {nil, nil, false},
}

// check refuses what the document does not know, so that nothing mistyped is
// silently left out: parameters, fields, values of enumerations. The generated
// server passes over all of these.
func check(r *http.Request, pattern string) error {
	this := shapes[pattern]
	if err := checkPath(r, pattern); err != nil {
		return err
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return invalid(words.English("The query cannot be read: %v."), err)
	}
	for name, values := range query {
		switch {
		case !slices.Contains(this.Query, name):
			return invalid(words.English("There is no parameter %q here. Known: %q."), name, this.Query)
		case len(values) > 1:
			return invalid(words.English("The parameter %q is given more than once."), name)
		case name == "authority" && !api.Authority(values[0]).Valid():
			return invalid(words.English("authority: %q is not one of its values."), values[0])
		}
	}
	keys := r.Header.Values("Idempotency-Key")
	if this.Key && (len(keys) != 1 || len(keys[0]) < 8 || len(keys[0]) > 255) {
		return invalid(words.English("Send one Idempotency-Key header of 8 to 255 characters, the same when you repeat the request."))
	}
	body, err := serve.Body(r)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); this.Body != nil && len(body) > 0 && (err != nil || kind != "application/json") {
		return &fault.Error{
			Op: "createspace.check", Kind: fault.Invalid, Err: errMediaType,
			Public: words.English("Send the body as JSON, with the header Content-Type: application/json."),
		}
	}
	if this.Body == nil {
		if len(bytes.TrimSpace(body)) > 0 {
			return invalid(words.English("This operation takes no body."))
		}
		return nil
	}
	return api.Decode(body, reflect.New(reflect.TypeOf(this.Body)).Interface())
}

// inPath are the places of a path that have a form of their own; what names people
// is checked where it is read. What stands there goes into addresses at Google
// and into ids of records.
var inPath = map[string]*regexp.Regexp{
	"{space}":    regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`),
	"{template}": regexp.MustCompile(`^[^/\x00-\x1f._][^/\x00-\x1f]{0,99}$`),
}

func checkPath(r *http.Request, pattern string) error {
	parts := strings.Split(r.URL.EscapedPath(), "/")
	_, path, _ := strings.Cut(pattern, " ")
	for i, name := range strings.Split(path, "/") {
		form, ok := inPath[name]
		if !ok || i >= len(parts) {
			continue
		}
		if text, err := url.PathUnescape(parts[i]); err != nil || !utf8.ValidString(text) || !form.MatchString(text) {
			return invalid(words.English("The %s in the path is not one."), strings.Trim(name, "{}"))
		}
	}
	return nil
}

// errMediaType says that a body is not said to be JSON. A form that a browser
// sends to another site without asking is none.
var errMediaType = errors.New("the Content-Type is not application/json")

func invalid(text words.Text, args ...any) error {
	return &fault.Error{Op: "createspace.check", Kind: fault.Invalid, Public: text, Args: args, Err: errors.New("not as the document has it")}
}

// misread is a request that the generated server could not read.
func misread(err error) error {
	return &fault.Error{Op: "createspace", Kind: fault.Invalid, Public: words.English("The request is not as /openapi.yaml has it: %v"), Args: []any{err}, Err: errors.New("a parameter that cannot be read")}
}

package google

import (
	"cmp"
	_ "embed" // for the discovery documents
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Google's discovery documents, without descriptions and reduced to the methods and schemas that the emulator supports.
//
//go:generate go test -run TestTrimmedDiscovery -update
var (
	//go:embed discovery/chat.json
	chatDocument []byte
	//go:embed discovery/cloudkms.json
	kmsDocument []byte
	//go:embed discovery/meet.json
	meetDocument []byte
	//go:embed discovery/calendar.json
	calendarDocument []byte
	//go:embed discovery/iamcredentials.json
	iamDocument []byte
	//go:embed discovery/cloudidentity.json
	identityDocument []byte
	//go:embed discovery/storage.json
	storageDocument []byte
)

// discovery has the methods and schemas of a discovery document.
type discovery struct {
	methods map[string]*method // by ID
	global  map[string]parameter
	schemas map[string]*jsonschema.Schema
}

type method struct {
	ID         string               `json:"id"`
	HTTPMethod string               `json:"httpMethod"`
	FlatPath   string               `json:"flatPath"`
	Path       string               `json:"path"` // used if FlatPath is empty
	Parameters map[string]parameter `json:"parameters"`
	Scopes     []string             `json:"scopes"`
	Request    struct {
		Ref string `json:"$ref"`
	} `json:"request"`
	Response struct {
		Ref string `json:"$ref"`
	} `json:"response"`
	path *regexp.Regexp
	api  *discovery
}

type parameter struct {
	Type     string `json:"type"`
	Location string `json:"location"`
	Pattern  string `json:"pattern"`
}

type document struct {
	ServicePath string                    `json:"servicePath"`
	Parameters  map[string]parameter      `json:"parameters"`
	Methods     map[string]*method        `json:"methods"`
	Schemas     map[string]map[string]any `json:"schemas"`
}

// The documents never change, so each is compiled once.
var (
	chatDiscovery = sync.OnceValue(func() *discovery { return loadDiscovery(chatDocument) })
	kmsDiscovery  = sync.OnceValue(func() *discovery { return loadDiscovery(kmsDocument) })
	meetDiscovery = sync.OnceValue(func() *discovery { return loadDiscovery(meetDocument) })

	calendarDiscovery = sync.OnceValue(func() *discovery { return loadDiscovery(calendarDocument) })
	iamDiscovery      = sync.OnceValue(func() *discovery { return loadDiscovery(iamDocument) })
	identityDiscovery = sync.OnceValue(func() *discovery { return loadDiscovery(identityDocument) })
	storageDiscovery  = sync.OnceValue(func() *discovery { return loadDiscovery(storageDocument) })
)

func loadDiscovery(text []byte) *discovery {
	var doc document
	if err := json.Unmarshal(text, &doc); err != nil {
		panic(err) // the embedded document is corrupt
	}
	d := &discovery{methods: doc.Methods, global: doc.Parameters, schemas: map[string]*jsonschema.Schema{}}
	placeholder := regexp.MustCompile(`\\\{[^}]*\\\}`)
	for _, m := range d.methods {
		m.api = d
		path := doc.ServicePath + cmp.Or(m.FlatPath, m.Path)
		m.path = regexp.MustCompile("^/" + placeholder.ReplaceAllString(regexp.QuoteMeta(path), "([^/]+)") + "$")
	}
	defs := map[string]any{}
	for name, schema := range doc.Schemas {
		defs[name] = toJSONSchema(schema)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("mem:api", map[string]any{"$defs": defs}); err != nil {
		panic(err)
	}
	for name := range defs {
		d.schemas[name] = compiler.MustCompile("mem:api#/$defs/" + name)
	}
	return d
}

// toJSONSchema converts a discovery schema to JSON Schema. Objects with properties reject unknown fields.
func toJSONSchema(in map[string]any) map[string]any {
	if ref, ok := in["$ref"].(string); ok {
		return map[string]any{"$ref": "#/$defs/" + ref}
	}
	out := map[string]any{}
	if kind, _ := in["type"].(string); kind != "any" {
		out["type"] = kind
	}
	if values, ok := in["enum"]; ok {
		out["enum"] = values
	}
	if items, ok := in["items"].(map[string]any); ok {
		out["items"] = toJSONSchema(items)
	}
	if more, ok := in["additionalProperties"].(map[string]any); ok {
		out["additionalProperties"] = toJSONSchema(more)
	}
	if properties, ok := in["properties"].(map[string]any); ok {
		fields := map[string]any{}
		for name, p := range properties {
			fields[name] = toJSONSchema(p.(map[string]any))
		}
		out["properties"], out["additionalProperties"] = fields, false
	} else if in["type"] == "object" && in["additionalProperties"] == nil {
		out["additionalProperties"] = false
	}
	return out
}

// findMethod returns the method of a request, or nil.
func (s *Server) findMethod(httpMethod, path string) *method {
	for _, d := range []*discovery{s.api, s.kms, s.meet, s.calendar, s.iam, s.identity, s.storage} {
		for m := range maps.Values(d.methods) {
			if m.HTTPMethod == httpMethod && m.path.MatchString(path) {
				return m
			}
		}
	}
	return nil
}

// checkQuery returns Google's error message for an invalid query, or "".
func (d *discovery) checkQuery(m *method, q url.Values) string {
	for name, values := range q {
		p, ok := m.Parameters[name]
		if !ok || p.Location != "query" {
			p, ok = d.global[name]
		}
		if !ok {
			return fmt.Sprintf("Invalid JSON payload received. Unknown name %q: Cannot bind query parameter.", name)
		}
		for _, v := range values {
			switch {
			case p.Type == "boolean" && v != "true" && v != "false",
				p.Type == "integer" && strings.Trim(v, "0123456789-") != "":
				return fmt.Sprintf("Invalid value at '%s' (TYPE_%s), %q", name, strings.ToUpper(p.Type), v)
			}
		}
	}
	return ""
}

// Check returns an error if body is not valid JSON for a schema of the Chat API.
func (s *Server) Check(schema string, body []byte) error { return s.api.check(schema, body) }

func (d *discovery) check(schema string, body []byte) error {
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(body)))
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	return d.schemas[schema].Validate(value)
}

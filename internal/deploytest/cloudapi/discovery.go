package cloudapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// api is one API as its discovery document describes it.
type api struct {
	methods []*method
	global  map[string]schema // query parameters of every method
	schemas map[string]schema
}

type method struct {
	ID         string            `json:"id"`
	HTTPMethod string            `json:"httpMethod"`
	Path       string            `json:"path"`
	FlatPath   string            `json:"flatPath"`
	Parameters map[string]schema `json:"parameters"`
	Request    schema            `json:"request"`
	Response   schema            `json:"response"`
	pattern    *regexp.Regexp
	api        *api
}

// schema is a schema, a reference to one, or a parameter.
type schema struct {
	Ref        string            `json:"$ref"`
	Type       string            `json:"type"`
	Location   string            `json:"location"`
	Enum       []string          `json:"enum"`
	Items      *schema           `json:"items"`
	Properties map[string]schema `json:"properties"`
	Additional *schema           `json:"additionalProperties"`
}

type document struct {
	ServicePath string              `json:"servicePath"`
	Parameters  map[string]schema   `json:"parameters"`
	Methods     map[string]*method  `json:"methods"`
	Resources   map[string]document `json:"resources"`
	Schemas     map[string]schema   `json:"schemas"`
}

// documents are the files of google.golang.org/api, by host. A host can have several versions.
var documents = map[string][]string{
	"artifactregistry.googleapis.com":     {"artifactregistry/v1/artifactregistry-api.json"},
	"cloudbuild.googleapis.com":           {"cloudbuild/v1/cloudbuild-api.json"},
	"cloudkms.googleapis.com":             {"cloudkms/v1/cloudkms-api.json"},
	"cloudresourcemanager.googleapis.com": {"cloudresourcemanager/v1/cloudresourcemanager-api.json"},
	"cloudscheduler.googleapis.com":       {"cloudscheduler/v1/cloudscheduler-api.json"},
	"containeranalysis.googleapis.com":    {"containeranalysis/v1/containeranalysis-api.json"},
	"firestore.googleapis.com":            {"firestore/v1/firestore-api.json"},
	"iam.googleapis.com":                  {"iam/v1/iam-api.json"},
	"logging.googleapis.com":              {"logging/v2/logging-api.json"},
	"monitoring.googleapis.com":           {"monitoring/v3/monitoring-api.json"},
	"run.googleapis.com":                  {"run/v1/run-api.json", "run/v2/run-api.json"},
	"secretmanager.googleapis.com":        {"secretmanager/v1/secretmanager-api.json"},
	"serviceusage.googleapis.com":         {"serviceusage/v1/serviceusage-api.json"},
	"storage.googleapis.com":              {"storage/v1/storage-api.json"},
}

var folder = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
	return strings.TrimSpace(string(out)), err
})

var loaded sync.Map // of *api, by host

// load returns the API of a host, or nil if there is none.
func load(host string) (*api, error) {
	if a, ok := loaded.Load(host); ok {
		return a.(*api), nil //nolint:forcetypeassert // only this function stores
	}
	dir, err := folder()
	if err != nil || documents[host] == nil {
		return nil, err
	}
	a := &api{global: map[string]schema{}, schemas: map[string]schema{}}
	for _, name := range documents[host] {
		text, err := os.ReadFile(filepath.Join(dir, name)) //nolint:gosec // of the module cache
		if err != nil {
			return nil, err
		}
		var d document
		if err := json.Unmarshal(text, &d); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		a.add(d, d.ServicePath)
	}
	loaded.Store(host, a)
	return a, nil
}

var placeholder = regexp.MustCompile(`\\\{\\?\+?[^}]*\\\}`)

func (a *api) add(d document, servicePath string) {
	for name, s := range d.Schemas {
		if _, ok := a.schemas[name]; !ok {
			a.schemas[name] = s
		}
	}
	for name, p := range d.Parameters {
		a.global[name] = p
	}
	for _, m := range d.Methods {
		m.api = a
		path := servicePath + cmp.Or(m.FlatPath, m.Path)
		m.pattern = regexp.MustCompile("^/" + placeholder.ReplaceAllString(regexp.QuoteMeta(path), "[^/:]+") + "$")
		a.methods = append(a.methods, m)
	}
	for _, r := range d.Resources {
		a.add(r, servicePath)
	}
}

// find returns the method of a request, or nil.
func (a *api) find(httpMethod, path string) *method {
	i := slices.IndexFunc(a.methods, func(m *method) bool {
		return m.HTTPMethod == httpMethod && m.pattern.MatchString(path)
	})
	if i < 0 {
		return nil
	}
	return a.methods[i]
}

// check returns what is wrong with a request, or "".
func (m *method) check(query url.Values, body any) string {
	for name := range query {
		if p, ok := m.Parameters[name]; ok && p.Location == "query" {
			continue
		}
		if _, ok := m.api.global[name]; !ok {
			return fmt.Sprintf("Invalid JSON payload received. Unknown name %q: Cannot bind query parameter.", name)
		}
	}
	if m.Request.Ref == "" || body == nil {
		return ""
	}
	return m.api.checkValue(m.Request, body, "")
}

// checkValue returns what is wrong with a value, or "".
func (a *api) checkValue(s schema, value any, at string) string {
	if s.Ref != "" {
		s = a.schemas[s.Ref]
	}
	switch v := value.(type) {
	case map[string]any:
		for name, field := range v {
			p, ok := s.Properties[name]
			if !ok && s.Additional != nil {
				p, ok = *s.Additional, true
			}
			if !ok && s.Type != "any" {
				const format = "Invalid JSON payload received. Unknown name %q at '%s': Cannot find field."
				return fmt.Sprintf(format, name, at)
			}
			if bad := a.checkValue(p, field, strings.TrimPrefix(at+"."+name, ".")); bad != "" {
				return bad
			}
		}
	case []any:
		if s.Type != "array" && s.Type != "any" {
			return fmt.Sprintf("Invalid value at '%s': a list", at)
		}
		for i, item := range v {
			if s.Items == nil {
				continue
			}
			if bad := a.checkValue(*s.Items, item, fmt.Sprintf("%s[%d]", at, i)); bad != "" {
				return bad
			}
		}
	case string:
		if s.Type == "boolean" || len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
			return fmt.Sprintf("Invalid value at '%s', %q", at, v)
		}
	case bool:
		if s.Type != "boolean" && s.Type != "any" {
			return fmt.Sprintf("Invalid value at '%s', %v", at, v)
		}
	}
	return ""
}

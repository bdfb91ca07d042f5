package api

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// schemas are those of the document's operations by pattern, compiled once: an
// OpenAPI 3.1 schema is a JSON Schema of 2020-12. What cannot be compiled is a
// mistake in the document, which a test finds.
var schemas = sync.OnceValue(func() map[string]*operation {
	var doc map[string]any
	must(yaml.Unmarshal(Document, &doc))
	text, err := json.Marshal(doc)
	must(err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	must(err)
	c := &compiler{jsonschema.NewCompiler(), doc}
	must(c.AddResource(location, value))
	out := map[string]*operation{}
	paths, _ := doc["paths"].(map[string]any)
	for path, item := range paths {
		item, _ := item.(map[string]any)
		at := "/paths/" + strings.ReplaceAll(path, "/", "~1")
		for method, o := range item {
			if o, ok := o.(map[string]any); ok {
				out[strings.ToUpper(method)+" "+path] = c.operation(at, item, method, o)
			}
		}
	}
	return out
})

// location is where the compiler has the document.
const location = "mem:openapi"

type compiler struct {
	*jsonschema.Compiler
	doc map[string]any
}

// operation compiles one, of a path's item at a place of the document.
func (c *compiler) operation(at string, item map[string]any, method string, o map[string]any) *operation {
	out := &operation{parameters: map[string]parameter{}}
	c.parameters(out, at+"/parameters/", item["parameters"])
	c.parameters(out, at+"/"+method+"/parameters/", o["parameters"])
	if o["requestBody"] != nil {
		out.body = c.MustCompile(location + "#" + at + "/" + method + "/requestBody/content/application~1json/schema")
	}
	return out
}

func (c *compiler) parameters(out *operation, at string, list any) {
	all, _ := list.([]any)
	for i, p := range all {
		p, _ := p.(map[string]any)
		here := at + strconv.Itoa(i)
		if ref, ok := p["$ref"].(string); ok {
			here = strings.TrimPrefix(ref, "#")
			parameters, _ := c.doc["components"].(map[string]any)["parameters"].(map[string]any)
			p, _ = parameters[strings.TrimPrefix(here, "/components/parameters/")].(map[string]any)
		}
		required, _ := p["required"].(bool)
		schema := c.MustCompile(location + "#" + here + "/schema")
		number := schema.Types != nil && strings.Contains(schema.Types.String(), "integer")
		out.parameters[p["in"].(string)+" "+p["name"].(string)] = parameter{required, number, schema}
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

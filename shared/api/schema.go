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

// schemas returns the compiled schemas of each operation, by pattern. An OpenAPI
// 3.1 schema is a JSON Schema (2020-12). It panics if the document is invalid.
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
		pointer := "/paths/" + strings.ReplaceAll(path, "/", "~1")
		for method, o := range item {
			if o, ok := o.(map[string]any); ok {
				out[strings.ToUpper(method)+" "+path] = c.operation(pointer, item, method, o)
			}
		}
	}
	return out
})

// location is the document's URL in the compiler.
const location = "mem:openapi"

type compiler struct {
	*jsonschema.Compiler
	doc map[string]any
}

// operation compiles the schemas of a method of the path item at a JSON pointer.
func (c *compiler) operation(pointer string, item map[string]any, method string, o map[string]any) *operation {
	out := &operation{parameters: map[string]parameter{}, maxBody: 1 << 10}
	c.parameters(out, pointer+"/parameters/", item["parameters"])
	c.parameters(out, pointer+"/"+method+"/parameters/", o["parameters"])
	if o["requestBody"] != nil {
		pointer += "/" + method + "/requestBody/content/application~1json/schema"
		out.body = c.MustCompile(location + "#" + pointer)
		out.maxBody += c.largest(c.at(pointer))
	}
	return out
}

func (c *compiler) parameters(out *operation, pointer string, list any) {
	all, _ := list.([]any)
	for i, p := range all {
		p, _ := p.(map[string]any)
		item := pointer + strconv.Itoa(i)
		if ref, ok := p["$ref"].(string); ok {
			item = strings.TrimPrefix(ref, "#")
			parameters, _ := c.doc["components"].(map[string]any)["parameters"].(map[string]any)
			p, _ = parameters[strings.TrimPrefix(item, "/components/parameters/")].(map[string]any)
		}
		required, _ := p["required"].(bool)
		schema := c.MustCompile(location + "#" + item + "/schema")
		number := schema.Types != nil && strings.Contains(schema.Types.String(), "integer")
		out.parameters[p["in"].(string)+" "+p["name"].(string)] = parameter{required, number, schema}
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

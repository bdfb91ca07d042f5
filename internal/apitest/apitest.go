// Package apitest gives tests the document of the HTTP API, to check requests and responses against it.
package apitest

import (
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"example.com/deputy/shared/api"
)

// Document returns the valid document, and a router for its paths. Responses are open to new fields for callers; in
// this copy they are closed, so that a test sees a field that the document lacks.
var Document = sync.OnceValues(func() (*openapi3.T, routers.Router) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(api.Document)
	if err == nil {
		err = doc.Validate(loader.Context)
	}
	if err != nil {
		panic(err)
	}
	doc.Servers = nil // the router needs no "." before a path
	for _, s := range doc.Components.Schemas {
		if s.Value.Type.Is("object") && len(s.Value.Properties) > 0 {
			s.Value.AdditionalProperties = openapi3.AdditionalProperties{Has: new(bool)}
		}
	}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		panic(err)
	}
	return doc, router
})

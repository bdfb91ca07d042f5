// Package api holds the OpenAPI document of the HTTP API, the types and the server interface that
// oapi-codegen generates from it, and Check, which validates requests.
//
// functions/createspace implements the server.
package api

import (
	"bytes"
	_ "embed" // for the document and the page
	"html"
	"strings"
)

//go:generate go tool -modfile=../../tools/go.mod oapi-codegen -config config.yaml openapi.yaml

// Document is the OpenAPI document, in YAML.
//
//go:embed openapi.yaml
var Document []byte

//go:generate go test . -args -update

// Page is the document as an HTML page for people. A test generates it.
//
//go:embed page.html
var Page []byte

// audience takes the place of the audiences in the document and the page.
const audience = "API_AUDIENCE"

// ForAudiences returns the document and the page of a deployment, whose callers' tokens have one of these audiences.
func ForAudiences(audiences []string) (document, page []byte) {
	fill := func(text []byte, escape func(string) string) []byte {
		text = bytes.ReplaceAll(text, []byte("="+audience), []byte("="+escape(audiences[0]))) // in a command
		return bytes.ReplaceAll(text, []byte(audience), []byte(escape(strings.Join(audiences, " or "))))
	}
	return fill(Document, func(s string) string { return s }), fill(Page, html.EscapeString)
}

// Package api holds the OpenAPI document of the HTTP API, the types and the server interface that
// oapi-codegen generates from it, and Check, which validates requests.
//
// functions/createspace implements the server.
package api

import _ "embed" // for the document and the page

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

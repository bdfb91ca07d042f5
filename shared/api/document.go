// Package api is the HTTP API as openapi.yaml describes it: the document, and
// the types and the server that oapi-codegen makes from it.
//
// It does nothing of its own: functions/createspace implements the server.
package api

import _ "embed" // for the document and the page

//go:generate go tool -modfile=../../tools/go.mod oapi-codegen -config config.yaml openapi.yaml

// Document is the OpenAPI document, in YAML.
//
//go:embed openapi.yaml
var Document []byte

//go:generate go test . -args -update

// Page is the document for people to read, in HTML; a test makes it.
//
//go:embed page.html
var Page []byte

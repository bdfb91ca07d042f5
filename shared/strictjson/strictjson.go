// Package strictjson decodes JSON that every conforming parser reads the same way. encoding/json
// matches names in any case, uses the last of duplicate names, and replaces invalid UTF-8. An attacker
// could use that to show two parsers different values. Unknown names are ignored.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"
)

// maxDepth is the maximum nesting depth.
const maxDepth = 100

// Decode decodes one JSON value into the value that out points to. It rejects invalid UTF-8, a second
// value, duplicate names in one object, and names that differ from a known name only in case.
func Decode(text []byte, out any) error {
	if !utf8.Valid(text) {
		return errors.New("JSON is not valid UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := walk(decoder, reflect.TypeOf(out), 0); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("more than one JSON value")
	}
	return json.Unmarshal(text, out)
}

// walk checks one value that Decode stores in a t. t is nil for a value that is ignored.
func walk(decoder *json.Decoder, t reflect.Type, depth int) error {
	if depth > maxDepth {
		return errors.New("JSON nested too deeply")
	}
	token, err := decoder.Token()
	if err != nil {
		return fmt.Errorf("invalid JSON: %w", err)
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch token {
	case json.Delim('['):
		var item reflect.Type
		if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
			item = t.Elem()
		}
		for decoder.More() {
			if err := walk(decoder, item, depth+1); err != nil {
				return err
			}
		}
		_, err = decoder.Token()
	case json.Delim('{'):
		err = walkObject(decoder, t, depth)
	}
	return err
}

func walkObject(decoder *json.Decoder, t reflect.Type, depth int) error {
	known := fields(t)
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return fmt.Errorf("invalid JSON: %w", err)
		}
		name, _ := token.(string) // JSON names are strings
		if seen[name] {
			return fmt.Errorf("duplicate name %.40q", name)
		}
		seen[name] = true
		value, exact := known[name]
		if !exact {
			for other := range known {
				if strings.EqualFold(other, name) {
					return fmt.Errorf("unknown name %.40q, want %q", name, other)
				}
			}
			if t != nil && t.Kind() == reflect.Map {
				value = t.Elem()
			}
		}
		if err := walk(decoder, value, depth+1); err != nil {
			return err
		}
	}
	_, err := decoder.Token()
	return err
}

// fields returns the types of a struct's fields by their JSON names.
func fields(t reflect.Type) map[string]reflect.Type {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	out := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous:
		case name == "" && f.Anonymous:
			embedded := f.Type
			if embedded.Kind() == reflect.Pointer {
				embedded = embedded.Elem()
			}
			for name, t := range fields(embedded) {
				out[name] = t
			}
		case name == "":
			out[f.Name] = f.Type
		default:
			out[name] = f.Type
		}
	}
	return out
}

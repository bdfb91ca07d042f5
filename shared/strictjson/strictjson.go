// Package strictjson decodes JSON as its sender meant it. encoding/json matches
// names in any case, lets the last of two equal names win, and replaces bad
// UTF-8: an attacker can show one checker one value, and the next another.
//
// It does not know which names are allowed: unknown ones are passed over.
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

// maxDepth bounds how deep values may lie in each other.
const maxDepth = 100

// Decode reads one JSON value into what into points to. It refuses bad UTF-8,
// more than one value, a name that is there twice in one object, and a name that
// differs from a known one in nothing but its case.
func Decode(text []byte, into any) error {
	if !utf8.Valid(text) {
		return errors.New("the JSON is not valid UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := walk(decoder, reflect.TypeOf(into), 0); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("more than one JSON value")
	}
	return json.Unmarshal(text, into)
}

// walk checks one value that is to become a t; t may be nil, where nothing of
// ours becomes of it.
func walk(decoder *json.Decoder, t reflect.Type, depth int) error {
	if depth > maxDepth {
		return errors.New("the JSON is nested too deeply")
	}
	token, err := decoder.Token()
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
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
		err = object(decoder, t, depth)
	}
	return err
}

func object(decoder *json.Decoder, t reflect.Type, depth int) error {
	known := fields(t)
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return fmt.Errorf("not JSON: %w", err)
		}
		name, _ := token.(string) // JSON has no other names
		if seen[name] {
			return fmt.Errorf("the name %.40q is there twice", name)
		}
		seen[name] = true
		value, exact := known[name]
		if !exact {
			for other := range known {
				if strings.EqualFold(other, name) {
					return fmt.Errorf("the name %.40q must be written %q", name, other)
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

// fields are the names of a struct's fields in JSON, with their types.
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

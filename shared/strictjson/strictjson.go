// Package strictjson decodes JSON that every conforming parser reads the same way. encoding/json
// matches names in any case, uses the last of duplicate names, and replaces invalid UTF-8. An attacker
// could use that to show two parsers different values. Unknown names are ignored.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// The limits of one JSON text. A value can take a hundred times as much memory as it takes bytes.
const (
	maxDepth  = 100
	maxValues = 10_000
)

// Decode decodes one JSON value into the value that out points to, after Check.
func Decode(text []byte, out any) error {
	if err := Check(text, out); err != nil {
		return err
	}
	return json.Unmarshal(text, out)
}

// Check checks one JSON value that is to be decoded into a type like that of out, which it leaves unchanged. It rejects
// invalid UTF-8, a second value, duplicate names in one object, and names that differ from a known name only in case.
func Check(text []byte, out any) error {
	if !utf8.Valid(text) {
		return errors.New("JSON is not valid UTF-8")
	}
	if !json.Valid(text) {
		return json.Unmarshal(text, new(any)) // says where
	}
	s := scanner{text: text}
	return s.value(reflect.TypeOf(out), 0)
}

// scanner reads the names in valid JSON.
type scanner struct {
	text   []byte
	at     int
	values int // so far
}

// next moves to the next byte that is not white space or a separator, and returns it.
func (s *scanner) next() byte {
	for ; ; s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
		default:
			return c
		}
	}
}

// quoted moves behind a string and returns it. It rejects half a surrogate pair, which encoding/json replaces.
func (s *scanner) quoted() (string, error) {
	start, escaped := s.at, false
	for s.at++; s.text[s.at] != '"'; s.at++ {
		if s.text[s.at] == '\\' {
			s.at, escaped = s.at+1, true
		}
	}
	s.at++
	raw := string(s.text[start+1 : s.at-1])
	if !escaped {
		return raw, nil
	}
	var out string
	_ = json.Unmarshal(s.text[start:s.at], &out) // valid
	written := strings.Count(raw, "\ufffd") + strings.Count(strings.ToLower(raw), `\ufffd`)
	if strings.Count(out, "\ufffd") > written {
		return "", errors.New("half a surrogate pair")
	}
	return out, nil
}

// value checks one value that is to be decoded into a t, and moves behind it. t is nil for a value that is ignored.
func (s *scanner) value(t reflect.Type, depth int) error {
	if depth > maxDepth {
		return errors.New("JSON nested too deeply")
	}
	if s.values++; s.values > maxValues {
		return fmt.Errorf("JSON has more than %d values", maxValues)
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch s.next() {
	case '"':
		_, err := s.quoted()
		return err
	case '{':
		return s.object(t, depth)
	case '[':
		var item reflect.Type
		if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
			item = t.Elem()
		}
		for s.at++; s.next() != ']'; {
			if err := s.value(item, depth+1); err != nil {
				return err
			}
		}
		s.at++
	default: // a number, true, false or null
		for s.at < len(s.text) && !bytes.ContainsRune([]byte(" \t\r\n,]}"), rune(s.text[s.at])) {
			s.at++
		}
	}
	return nil
}

func (s *scanner) object(t reflect.Type, depth int) error {
	known := fieldsOf(t)
	var seen names
	for s.at++; s.next() != '}'; {
		name, err := s.quoted()
		if err != nil {
			return err
		}
		if !seen.add(name) {
			return fmt.Errorf("duplicate name %.40q", name)
		}
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
		if err := s.value(value, depth+1); err != nil {
			return err
		}
	}
	s.at++
	return nil
}

// names are the names in an object.
type names struct {
	few  []string
	many map[string]bool // if there are more than a few
}

// add adds a name and reports whether it is new.
func (n *names) add(name string) bool {
	if n.many == nil && len(n.few) < 16 {
		if slices.Contains(n.few, name) {
			return false
		}
		n.few = append(n.few, name)
		return true
	}
	if n.many == nil {
		n.many = map[string]bool{}
		for _, old := range n.few {
			n.many[old] = true
		}
	}
	if n.many[name] {
		return false
	}
	n.many[name] = true
	return true
}

// cached holds the result of fields by type.
var cached sync.Map

func fieldsOf(t reflect.Type) map[string]reflect.Type {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	if known, ok := cached.Load(t); ok {
		return known.(map[string]reflect.Type)
	}
	known := fields(t)
	cached.Store(t, known)
	return known
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// fields returns the types of a struct's fields by their JSON names.
func fields(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	decodesItself := reflect.PointerTo(t).Implements(unmarshaler)
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
		case name == "" && decodesItself: // its names are its own matter
		case name == "":
			out[f.Name] = f.Type
		default:
			out[name] = f.Type
		}
	}
	return out
}

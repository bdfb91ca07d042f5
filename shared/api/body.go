package api

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/strictjson"
	"example.com/deputy/shared/words"
)

// isType reports whether a value is of another type than its field: the reader
// below says which.
func isType(err error) bool {
	_, odd := errors.AsType[*json.UnmarshalTypeError](err)
	return odd
}

// Decode reads a body into what a pointer to one of the types of this package
// points to. It refuses what encoding/json is kind to: unknown and doubled fields,
// names in another case, null, values that an enumeration does not have.
func Decode(body []byte, pointer any) error {
	into := reflect.ValueOf(pointer)
	if err := strictjson.Decode(body, reflect.New(into.Elem().Type()).Interface()); err != nil && !isType(err) {
		return invalid(words.English("The body is not the JSON object of this operation: %s."), err.Error())
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into.Interface())
	if err == nil && decoder.Decode(&struct{}{}) != io.EOF {
		err = errors.New("more than one value")
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		err = fmt.Errorf("%s must not be a %s", cmp.Or(kind.Field, "it"), kind.Value)
	}
	if err != nil {
		return invalid(words.English("The body is not the JSON object of this operation: %s."), strings.TrimPrefix(err.Error(), "json: "))
	}
	if err := exact(body, into.Elem().Type(), "the body"); err != nil {
		return err
	}
	return values(into.Elem(), "body")
}

// exact finds names in another case, and null.
func exact(text []byte, t reflect.Type, name string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if string(bytes.TrimSpace(text)) == "null" {
		return invalid(words.English("%s must not be null."), name)
	}
	switch t.Kind() {
	case reflect.Struct:
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(text, &fields); err != nil {
			return invalid(words.English("%s must be an object."), name)
		}
		for i := range t.NumField() {
			tag, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			if raw, ok := fields[tag]; ok {
				if err := exact(raw, t.Field(i).Type, tag); err != nil {
					return err
				}
			}
			delete(fields, tag)
		}
		for unknown := range fields {
			return invalid(words.English("There is no field %q here."), unknown)
		}
	case reflect.Slice:
		var items []json.RawMessage
		if err := json.Unmarshal(text, &items); err != nil {
			return invalid(words.English("%s must be a list."), name)
		}
		for _, item := range items {
			if err := exact(item, t.Elem(), name); err != nil {
				return err
			}
		}
	}
	return nil
}

// values finds a value that its enumeration does not have.
func values(v reflect.Value, name string) error {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		return values(v.Elem(), name)
	}
	if e, ok := v.Interface().(interface{ Valid() bool }); ok && !e.Valid() {
		return invalid(words.English("%s: %q is not one of its values."), name, v.String())
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			if err := values(v.Field(i), name); err != nil {
				return err
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := values(v.Index(i), name); err != nil {
				return err
			}
		}
	}
	return nil
}

func invalid(text words.Text, args ...any) error {
	return &fault.Error{Op: "api.Decode", Kind: fault.Invalid, Public: text, Args: args, Err: errors.New("not as the document has it")}
}

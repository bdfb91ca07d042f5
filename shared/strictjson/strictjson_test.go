package strictjson_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"example.com/deputy/shared/strictjson"
)

type claims struct {
	Sub    string            `json:"sub"`
	Aud    []string          `json:"aud"`
	Inner  inner             `json:"inner"`
	List   []inner           `json:"list"`
	Events map[string]*inner `json:"events"`
	Raw    json.RawMessage   `json:"raw"`
	Any    any               `json:"any"`
}

type inner struct {
	Email string `json:"email"`
}

func TestDecode(t *testing.T) {
	var got claims
	err := strictjson.Decode([]byte(` {"sub":"1","aud":["a","b"],"inner":{"email":"x","more":{"email":1,"EMAIL":2}},`+
		`"events":{"Email":{"email":"y"}},"other":[{"a":1},2,null,true,1e9],"raw":{"a":[1]}} `), &got)
	if err != nil || got.Sub != "1" || len(got.Aud) != 2 || got.Inner.Email != "x" ||
		got.Events["Email"].Email != "y" || string(got.Raw) != `{"a":[1]}` {
		t.Errorf("%+v, %v", got, err)
	}
}

// Attacks that make two parsers read different values from one text.
func TestDecode_ParserDifferential(t *testing.T) {
	for name, text := range map[string]string{
		"duplicate name":          `{"sub":"1","sub":"2"}`,
		"escaped duplicate":       `{"sub":"1","s\u0075b":"2"}`,
		"other case":              `{"Sub":"1"}`,
		"both cases":              `{"sub":"1","SUB":"2"}`,
		"case-folded letter":      `{"ſub":"1"}`,
		"nested":                  `{"inner":{"email":"x","Email":"y"}}`,
		"many values":             `{"other":[1` + strings.Repeat(",1", 10_000) + `]}`,
		"in a list":               `{"list":[{"email":"x"},{"EMAIL":"y"}]}`,
		"in a map":                `{"events":{"a":{"email":"x","email":"y"}}}`,
		"duplicate map key":       `{"events":{"a":null,"a":null}}`,
		"in an ignored value":     `{"other":{"a":1,"a":2}}`,
		"two values":              `{"sub":"1"} {"sub":"2"}`,
		"trailing data":           `{"sub":"1"}x`,
		"half a surrogate pair":   `{"sub":"\ud800x"}`,
		"in a name":               `{"\udc00":1}`,
		"invalid UTF-8":           "{\"sub\":\"\xff\"}",
		"empty":                   ``,
		"truncated":               `{"sub":"1"`,
		"deep nesting":            strings.Repeat("[", 200) + strings.Repeat("]", 200),
		"deep nesting in a field": `{"any":` + strings.Repeat(`{"a":`, 200) + `1` + strings.Repeat(`}`, 200) + `}`,
	} {
		var got claims
		if err := strictjson.Decode([]byte(text), &got); err == nil {
			t.Errorf("%s: decoded as %+v", name, got)
		}
	}
}

// FuzzDecode checks that Decode agrees with encoding/json on every text that it
// accepts, and accepts the result when it is encoded again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"sub":"1","inner":{"email":"x"},"events":{"a":{"email":"b"}}}`))
	f.Add([]byte(`{"sub":"1","SUB":"2"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var strict, loose claims
		if strictjson.Decode(text, &strict) != nil {
			return
		}
		if err := json.Unmarshal(text, &loose); err != nil {
			t.Fatalf("accepted, but not JSON: %v", err)
		}
		a, _ := json.Marshal(strict)
		b, _ := json.Marshal(loose)
		if !bytes.Equal(a, b) {
			t.Errorf("%s, %s", a, b)
		}
		if err := strictjson.Decode(a, &strict); err != nil {
			t.Errorf("rejected after re-encoding: %v", err)
		}
	})
}

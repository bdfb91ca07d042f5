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

func TestWhatItsSenderMeantIsRead(t *testing.T) {
	var got claims
	err := strictjson.Decode([]byte(` {"sub":"1","aud":["a","b"],"inner":{"email":"x","more":{"email":1,"EMAIL":2}},"events":{"Email":{"email":"y"}},"other":[{"a":1},2,null,true,1e9],"raw":{"a":[1]}} `), &got)
	if err != nil || got.Sub != "1" || len(got.Aud) != 2 || got.Inner.Email != "x" || got.Events["Email"].Email != "y" || string(got.Raw) != `{"a":[1]}` {
		t.Errorf("%+v, %v", got, err)
	}
}

// Attacks on what reads JSON more generously than its signer or another reader.
func TestWhatReadersDisagreeAboutIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"a name twice":               `{"sub":"1","sub":"2"}`,
		"a name twice, escaped":      `{"sub":"1","s\u0075b":"2"}`,
		"another case":               `{"Sub":"1"}`,
		"both cases":                 `{"sub":"1","SUB":"2"}`,
		"a letter that folds":        `{"ſub":"1"}`,
		"deeper":                     `{"inner":{"email":"x","Email":"y"}}`,
		"in a list":                  `{"list":[{"email":"x"},{"EMAIL":"y"}]}`,
		"in a map":                   `{"events":{"a":{"email":"x","email":"y"}}}`,
		"a map's name twice":         `{"events":{"a":null,"a":null}}`,
		"twice where nobody looks":   `{"other":{"a":1,"a":2}}`,
		"two values":                 `{"sub":"1"} {"sub":"2"}`,
		"rubbish behind it":          `{"sub":"1"}x`,
		"bad UTF-8":                  "{\"sub\":\"\xff\"}",
		"nothing":                    ``,
		"half of it":                 `{"sub":"1"`,
		"no end of depth":            strings.Repeat("[", 200) + strings.Repeat("]", 200),
		"no end of depth in a field": `{"any":` + strings.Repeat(`{"a":`, 200) + `1` + strings.Repeat(`}`, 200) + `}`,
	} {
		var got claims
		if err := strictjson.Decode([]byte(text), &got); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
}

// FuzzDecode: what is taken is read as encoding/json reads it, and taken again
// when it is written anew.
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
			t.Fatalf("taken, and no JSON: %v", err)
		}
		a, _ := json.Marshal(strict)
		b, _ := json.Marshal(loose)
		if !bytes.Equal(a, b) {
			t.Errorf("%s, %s", a, b)
		}
		if err := strictjson.Decode(a, &strict); err != nil {
			t.Errorf("written anew it is refused: %v", err)
		}
	})
}

package chat_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
)

// FuzzDecode decodes any body in both formats. At least one must accept an object; both must reject anything else.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"type":"MESSAGE","message":{"annotations":[{"type":"USER_MENTION",` +
			`"userMention":{"user":{"name":"users/1","displayName":"A"}}}],"argumentText":"@A x"}}`,
		`{"chat":{"appCommandPayload":{"appCommandMetadata":{"appCommandId":"3"}}},` +
			`"commonEventObject":{"parameters":{"value":"x"}}}`,
		`{"type":"CARD_CLICKED","dialogEventType":"SUBMIT_DIALOG","isDialogEvent":"true",` +
			`"common":{"formInputs":{"a":{"stringInputs":{"value":["x",1]}},"b":7}}}`,
		`{"commonEventObject":{"formInputs":{"a":{"stringInputs":{"value":"x"}}}},` +
			`"chat":{"type":"SUBMIT_FORM","space":7}}`,
		`null`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var object map[string]json.RawMessage
		isObject := utf8.Valid(body) && json.Unmarshal(body, &object) == nil
		decoded := 0
		for _, format := range []chat.Format{chat.Classic, chat.AddOn} {
			e, err := chat.Decode(format, body)
			switch kind := fault.KindOf(err); {
			case err == nil:
				decoded++
				if e.Kind == "" {
					t.Error("event without a kind")
				}
			case kind == fault.Invalid && strings.Contains(err.Error(), " name "): // not exact, or given twice
				decoded++
			case kind == fault.Invalid && isObject, kind != fault.Invalid && kind != fault.Unauthenticated:
				t.Errorf("got %v", err)
			}
		}
		if isObject && decoded == 0 && object["type"] == nil {
			t.Error("no format accepts an object without a type")
		}
	})
}

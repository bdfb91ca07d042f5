package chat_test

import (
	"encoding/json"
	"testing"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
)

// FuzzDecode reads any body as both formats: an object is an event of one of
// them at least, and anything else is refused.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"type":"MESSAGE","message":{"annotations":[{"type":"USER_MENTION","userMention":{"user":{"name":"users/1","displayName":"A"}}}],"argumentText":"@A x"}}`))
	f.Add([]byte(`{"chat":{"appCommandPayload":{"appCommandMetadata":{"appCommandId":"3"}}},"commonEventObject":{"parameters":{"value":"x"}}}`))
	f.Add([]byte(`{"type":"CARD_CLICKED","dialogEventType":"SUBMIT_DIALOG","isDialogEvent":"true","common":{"formInputs":{"a":{"stringInputs":{"value":["x",1]}},"b":7}}}`))
	f.Add([]byte(`{"commonEventObject":{"formInputs":{"a":{"stringInputs":{"value":"x"}}}},"chat":{"type":"SUBMIT_FORM","space":7}}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var object map[string]json.RawMessage
		isObject := json.Unmarshal(body, &object) == nil
		read := 0
		for _, format := range []chat.Format{chat.Classic, chat.AddOn} {
			e, err := chat.Decode(format, body)
			switch kind := fault.KindOf(err); {
			case err == nil:
				read++
				if e.Kind == "" {
					t.Error("an event without a kind")
				}
			case kind == fault.Invalid && isObject, kind != fault.Invalid && kind != fault.Unauthenticated:
				t.Errorf("got %v", err)
			}
		}
		if isObject && read == 0 && object["type"] == nil {
			t.Error("an object without a type is an event of no format")
		}
	})
}

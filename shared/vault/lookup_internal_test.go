package vault

import "testing"

// The fake store of a test finds documents by any field, but Firestore only by an indexed one.
func TestFindIndexed_NoIndex(t *testing.T) {
	v := New(nil, nil, nil) // fails before it reads the store
	for _, field := range []string{"domain", "", "emailCode/x"} {
		if docs, err := v.findIndexed(t.Context(), grants, field, "x", 1); err == nil {
			t.Errorf("%q: %v", field, docs)
		}
	}
	if _, err := v.findIndexed(t.Context(), templates, "emailCode", "x", 1); err == nil {
		t.Error("a field of another collection")
	}
}

package createspace

import (
	"testing"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/operations"
)

// FuzzPageToken checks that a page token is accepted only for the list that issued it.
func FuzzPageToken(f *testing.F) {
	list := newListID(operations.Call{Person: "users/1"}, "members")
	other := newListID(operations.Call{Person: "users/2"}, "members")
	f.Add(*list.encode("google"))
	f.Add(*other.encode("google"))
	f.Add("%")
	f.Fuzz(func(t *testing.T, token string) {
		page, err := list.decode(nil, &token)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("%q: got %v", token, err)
			}
			return
		}
		if token != "" && *list.encode(page.Token) != token {
			t.Errorf("%q was accepted as %q", token, page.Token)
		}
	})
}

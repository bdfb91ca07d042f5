package grants

import "testing"

func TestOutcome_UnmarshalText(t *testing.T) {
	for want := NotConnected; want <= Erased; want++ {
		var got Outcome
		if err := got.UnmarshalText([]byte(want.String())); err != nil || got != want {
			t.Errorf("%v: got %v, %v", want, got, err)
		}
	}
	got := Revoked
	if err := got.UnmarshalText([]byte("other")); err == nil || got != Revoked {
		t.Errorf("unknown: got %v, %v", got, err)
	}
}

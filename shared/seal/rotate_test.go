package seal_test

import (
	"errors"
	"slices"
	"testing"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
)

// instance is Keys as one instance of a function has them.
func instance(t *testing.T, keyset, lookup config.Secret) *seal.Keys {
	t.Helper()
	k, err := seal.New(keyset, lookup, "p", "c")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func added(t *testing.T, text config.Secret) (config.Secret, uint32) {
	t.Helper()
	out, id, err := seal.Add(text)
	if err != nil {
		t.Fatal(err)
	}
	return out, id
}

func TestInARotationNoInstanceMeetsATextItCannotOpen(t *testing.T) {
	_, first, lookup := keys(t, "p", "c")
	second, id := added(t, first)
	third := must(seal.Promote(second, id))(t)
	place := seal.Place{Purpose: "act"}
	// While a step is deployed, instances of the step before still run.
	for _, pair := range [][2]config.Secret{{first, second}, {second, third}} {
		older, newer := instance(t, pair[0], lookup), instance(t, pair[1], lookup)
		for _, from := range []*seal.Keys{older, newer} {
			sealed := must(from.Seal([]byte("token"), place))(t)
			for _, to := range []*seal.Keys{older, newer} {
				if text, err := to.Open(sealed, place); err != nil || string(text) != "token" {
					t.Errorf("%q, %v", text, err)
				}
			}
		}
	}
	if got, _ := instance(t, third, lookup).Primary(); got != id {
		t.Errorf("it seals with %d, not with %d", got, id)
	}
}

func TestAStepLeftOutIsUnavailableAndMendsItself(t *testing.T) {
	_, first, lookup := keys(t, "p", "c")
	second, id := added(t, first)
	third := must(seal.Promote(second, id))(t)
	sealed := must(instance(t, third, lookup).Seal([]byte("token"), seal.Place{}))(t)
	if _, err := instance(t, first, lookup).Open(sealed, seal.Place{}); !errors.Is(err, seal.ErrUnknownKey) || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("an instance without the new key: %v", err)
	}
	if _, err := instance(t, second, lookup).Open(sealed, seal.Place{}); err != nil {
		t.Errorf("once it has the key: %v", err)
	}
}

func TestADisabledKeyOpensNothingAndThePrimaryCannotBeDisabled(t *testing.T) {
	_, first, lookup := keys(t, "p", "c")
	old := must(seal.Describe(first))(t)[0].ID
	sealed := must(instance(t, first, lookup).Seal([]byte("token"), seal.Place{}))(t)
	second, id := added(t, first)
	if _, err := seal.Disable(second, old); fault.KindOf(err) != fault.Invalid {
		t.Errorf("the primary: %v", err)
	}
	last := must(seal.Disable(must(seal.Promote(second, id))(t), old))(t)
	if _, err := instance(t, last, lookup).Open(sealed, seal.Place{}); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("got %v", err)
	}
	want := []seal.Key{{ID: old}, {ID: id, Primary: true, Enabled: true}}
	if got := must(seal.Describe(last))(t); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, err := seal.Promote(last, old); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a disabled key was promoted: %v", err)
	}
}

func TestWhatWasCodedBeforeARotationIsFoundAfterIt(t *testing.T) {
	_, keyset, first := keys(t, "p", "c")
	before := must(instance(t, keyset, first).Code("email", "a@example.com"))(t)
	second, id := added(t, first)
	after := instance(t, keyset, must(seal.Promote(second, id))(t))
	codes := must(after.Codes("email", "a@example.com"))(t)
	if len(codes) != 2 || string(codes[1]) != string(before) || string(codes[0]) == string(before) {
		t.Errorf("got %d codes", len(codes))
	}
	if _, got := after.Primary(); got != id {
		t.Errorf("it codes with %d, not with %d", got, id)
	}
}

func TestWhatIsNoKeysetIsRefused(t *testing.T) {
	for _, text := range []config.Secret{{}, config.NewSecret("{}"), config.NewSecret(`{"primaryKeyId":1,"key":[]}`), config.NewSecret("secret")} {
		if _, _, err := seal.Add(text); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", text.Reveal(), err)
		}
	}
}

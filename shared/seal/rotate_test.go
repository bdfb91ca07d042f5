package seal_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/seal"
)

// newInstance returns the Keys of one instance of a function.
func newInstance(t *testing.T, keyset, lookup config.Secret) *seal.Keys {
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

func addKey(t *testing.T, text config.Secret) (config.Secret, uint32) {
	t.Helper()
	out, id, err := seal.Add(text)
	if err != nil {
		t.Fatal(err)
	}
	return out, id
}

func TestRotate_OldAndNewInstances(t *testing.T) {
	_, first, lookup := newKeys(t, "p", "c")
	second, id := addKey(t, first)
	third := must(seal.Promote(second, id))(t)
	place := seal.Place{Purpose: "act"}
	// While a step is deployed, instances of the previous step still run.
	for _, pair := range [][2]config.Secret{{first, second}, {second, third}} {
		before, after := newInstance(t, pair[0], lookup), newInstance(t, pair[1], lookup)
		for _, from := range []*seal.Keys{before, after} {
			sealed := must(from.Seal([]byte("token"), place))(t)
			for _, to := range []*seal.Keys{before, after} {
				if text, err := to.Open(sealed, place); err != nil || string(text) != "token" {
					t.Errorf("%q, %v", text, err)
				}
			}
		}
	}
	if got, _ := newInstance(t, third, lookup).Primary(); got != id {
		t.Errorf("sealing key: got %d, want %d", got, id)
	}
}

func TestRotate_SkippedStep(t *testing.T) {
	_, first, lookup := newKeys(t, "p", "c")
	second, id := addKey(t, first)
	third := must(seal.Promote(second, id))(t)
	sealed := must(newInstance(t, third, lookup).Seal([]byte("token"), seal.Place{}))(t)
	_, err := newInstance(t, first, lookup).Open(sealed, seal.Place{})
	if !errors.Is(err, seal.ErrUnknownKey) || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("an instance without the new key: %v", err)
	}
	if _, err := newInstance(t, second, lookup).Open(sealed, seal.Place{}); err != nil {
		t.Errorf("an instance with the new key: %v", err)
	}
}

func TestDisable(t *testing.T) {
	_, first, lookup := newKeys(t, "p", "c")
	old := must(seal.Describe(first))(t)[0].ID
	sealed := must(newInstance(t, first, lookup).Seal([]byte("token"), seal.Place{}))(t)
	second, id := addKey(t, first)
	if _, err := seal.Disable(second, old); fault.KindOf(err) != fault.Invalid {
		t.Errorf("the primary: %v", err)
	}
	last := must(seal.Disable(must(seal.Promote(second, id))(t), old))(t)
	if _, err := newInstance(t, last, lookup).Open(sealed, seal.Place{}); !errors.Is(err, seal.ErrUnknownKey) {
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

func TestCodes_AfterRotation(t *testing.T) {
	_, keyset, first := newKeys(t, "p", "c")
	before := must(newInstance(t, keyset, first).MAC("email", "a@example.com"))(t)
	second, id := addKey(t, first)
	after := newInstance(t, keyset, must(seal.Promote(second, id))(t))
	codes := must(after.MACs("email", "a@example.com"))(t)
	if len(codes) != 2 || string(codes[1]) != string(before) || string(codes[0]) == string(before) {
		t.Errorf("got %d codes", len(codes))
	}
	if _, got := after.Primary(); got != id {
		t.Errorf("lookup key: got %d, want %d", got, id)
	}
	disabled := must(seal.Disable(must(seal.Promote(second, id))(t), must(seal.Describe(first))(t)[0].ID))(t)
	codes = must(newInstance(t, keyset, disabled).MACs("email", "a@example.com"))(t)
	if len(codes) != 1 || string(codes[0]) == string(before) {
		t.Errorf("old key disabled: got %d codes", len(codes))
	}
}

func TestSealedByPrimary(t *testing.T) {
	_, first, lookup := newKeys(t, "p", "c")
	second, id := addKey(t, first)
	old := newInstance(t, second, lookup)
	sealed := must(old.Seal([]byte("token"), seal.Place{}))(t)
	promoted := newInstance(t, must(seal.Promote(second, id))(t), lookup)
	if !old.SealedByPrimary(sealed) || promoted.SealedByPrimary(sealed) {
		t.Error("a text sealed before the key was promoted: want true, then false")
	}
	for _, text := range [][]byte{nil, sealed[:4], append([]byte{0}, sealed[1:]...)} {
		if old.SealedByPrimary(text) {
			t.Errorf("%q is not sealed", text)
		}
	}
}

func TestPromote_UnknownKey(t *testing.T) {
	_, text, _ := newKeys(t, "p", "c")
	unknown := must(seal.Describe(text))(t)[0].ID + 1
	for name, change := range map[string]func(config.Secret, uint32) (config.Secret, error){
		"promote": seal.Promote, "disable": seal.Disable,
	} {
		out, err := change(text, unknown)
		public := fault.Public(i18n.In("en"), err, "")
		if fault.KindOf(err) != fault.Invalid || !out.Empty() || !strings.Contains(public, strconv.Itoa(int(unknown))) {
			t.Errorf("%s: %v, %q", name, err, public)
		}
	}
}

func TestAdd_InvalidKeyset(t *testing.T) {
	for _, text := range []string{"", "{}", `{"primaryKeyId":1,"key":[]}`, "secret"} {
		keyset := config.NewSecret(text)
		_, _, add := seal.Add(keyset)
		_, promote := seal.Promote(keyset, 1)
		_, describe := seal.Describe(keyset)
		for _, err := range []error{add, promote, describe} {
			public := fault.Public(i18n.In("en"), err, "")
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(public, "not a Tink JSON keyset") {
				t.Errorf("%q: %v, %q", text, err, public)
			}
		}
	}
}

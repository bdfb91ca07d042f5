package vault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
)

func TestTemplate_Check(t *testing.T) {
	v, _, _ := newVault(t)
	refused := errors.New("refused")
	first, second := vault.Template{Name: "T", Description: "1"}, vault.Template{Name: "T", Description: "2"}
	check := func(want *vault.Template, result error) func(*vault.Template) error {
		return func(stored *vault.Template) error {
			if diff := cmp.Diff(want, stored); diff != "" {
				t.Error(diff)
			}
			return result
		}
	}
	read := func() *vault.Template {
		t.Helper()
		got, err := v.Template(t.Context(), "ci", "T")
		if fault.KindOf(err) == fault.NotFound {
			return nil
		}
		if err != nil {
			t.Fatal(err)
		}
		return &got
	}
	for _, c := range []struct {
		name string
		run  func() error
		err  error
		want *vault.Template // stored afterwards
	}{
		{"create refused", func() error {
			return v.PutTemplate(t.Context(), "ci", first, check(nil, refused))
		}, refused, nil},
		{"delete none", func() error { return v.DeleteTemplate(t.Context(), "ci", "T", check(nil, nil)) }, nil, nil},
		{"delete none refused", func() error {
			return v.DeleteTemplate(t.Context(), "ci", "T", check(nil, refused))
		}, refused, nil},
		{"create", func() error { return v.PutTemplate(t.Context(), "ci", first, check(nil, nil)) }, nil, &first},
		{"replace refused", func() error {
			return v.PutTemplate(t.Context(), "ci", second, check(&first, refused))
		}, refused, &first},
		{"replace", func() error { return v.PutTemplate(t.Context(), "ci", second, check(&first, nil)) }, nil, &second},
		{"delete refused", func() error {
			return v.DeleteTemplate(t.Context(), "ci", "T", check(&second, refused))
		}, refused, &second},
		{"delete", func() error { return v.DeleteTemplate(t.Context(), "ci", "T", check(&second, nil)) }, nil, nil},
	} {
		if err := c.run(); !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", c.name, err, c.err)
		}
		if diff := cmp.Diff(c.want, read()); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestPutTemplate_Limit(t *testing.T) {
	v, _, _ := newVault(t)
	put := func(owner vault.Owner, name string) error {
		return v.PutTemplate(t.Context(), owner, vault.Template{Name: name}, accept)
	}
	for i := range 99 {
		if err := put("ci", fmt.Sprint(i)); err != nil {
			t.Fatalf("template %d: %v", i, err)
		}
	}
	if err := put("ci", "99"); !errors.Is(err, vault.ErrTooManyTemplates) || fault.KindOf(err) != fault.Conflict {
		t.Errorf("the hundredth: %v", err)
	}
	if err := put("ci", "7"); err != nil {
		t.Errorf("a replacement: %v", err)
	}
	if err := put("bot", "99"); err != nil {
		t.Errorf("another caller: %v", err)
	}
	if all, err := v.Templates(t.Context(), "ci"); err != nil || len(all) != 99 {
		t.Errorf("%d templates, %v", len(all), err)
	}
}

// TestTemplate_Planted: an attacker with write access to the store gives a template another owner, or alters it.
func TestTemplate_Planted(t *testing.T) {
	v, docs, _ := newVault(t)
	if err := v.PutTemplate(t.Context(), "ci", vault.Template{Name: "T"}, accept); err != nil {
		t.Fatal(err)
	}
	id := vault.TemplateID("ci", "T")
	update := func(fields vault.Fields) {
		t.Helper()
		doc, err := docs.Get(t.Context(), "templates", id)
		if err == nil {
			err = docs.Update(t.Context(), "templates", id, fields, doc.Version)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	update(vault.Fields{"owner": "bot"})
	if all, err := v.Templates(t.Context(), "bot"); err != nil || len(all) != 0 {
		t.Errorf("another caller's: %v, %v", all, err)
	}
	update(vault.Fields{"owner": "ci", "sealed": []byte("x")})
	if all, err := v.Templates(t.Context(), "ci"); err != nil || len(all) != 0 {
		t.Errorf("altered: %v, %v", all, err)
	}
	err := v.PutTemplate(t.Context(), "ci", vault.Template{Name: "T"}, accept)
	if !errors.Is(err, seal.ErrNotAuthentic) {
		t.Errorf("replaced without a check of the stored one: %v", err)
	}
	if err := v.DeleteTemplate(t.Context(), "ci", "T", accept); !errors.Is(err, seal.ErrNotAuthentic) {
		t.Errorf("deleted without a check of the stored one: %v", err)
	}
}

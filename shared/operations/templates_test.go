package operations_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/vault"
)

// otherCaller is a caller with templates of its own.
func otherCaller() callers.Caller { c := ci(); c.ID = "other"; return c }

func TestTemplates_OwnAndOperators(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for _, name := range []string{"B", "Incident"} {
			_, err := w.PutTemplate(t.Context(), ci(), vault.Template{Name: name, Description: "own"}, nil)
			check(t, err)
		}
		_, err := w.PutTemplate(t.Context(), otherCaller(), vault.Template{Name: "C", Description: "other"}, nil)
		check(t, err)
		w.CallersYAML = templates // the operator adds a template with the name of an own one
		time.Sleep(2 * time.Minute)
		var names []string
		for page := (operations.PageRequest{Size: 3}); ; {
			found, more, err := w.ListTemplates(t.Context(), ci(), page)
			check(t, err)
			for _, listed := range found {
				names = append(names, listed.Name+" "+listed.Description)
			}
			if len(found) > 3 {
				t.Errorf("a page of %d", len(found))
			}
			if page.Token = more; more == "" {
				break
			}
		}
		if diff := cmp.Diff([]string{"B own", "Incident Of {{person}}", "Long ", "Plain "}, names); diff != "" {
			t.Error(diff)
		}
		for name, want := range map[string]string{"B": "own", "Incident": "Of {{person}}"} {
			got, err := w.GetTemplate(t.Context(), ci(), name)
			if err != nil || got.Description != want {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
		_, err = w.GetTemplate(t.Context(), ci(), "C")
		wantKind(t, "another caller's", err, fault.NotFound)
		if text := fault.Public(i18n.In("en"), err, ""); !strings.Contains(text, "There is no template") {
			t.Errorf("%q", text)
		}
		_, err = w.PutTemplate(t.Context(), ci(), vault.Template{Name: "Incident"}, nil)
		wantKind(t, "to replace the operator's", err, fault.Denied)
		wantKind(t, "to delete the operator's", w.DeleteTemplate(t.Context(), ci(), "Incident", nil), fault.Denied)
		for range 2 {
			check(t, w.DeleteTemplate(t.Context(), ci(), "B", nil))
		}
		check(t, w.DeleteTemplate(t.Context(), ci(), "C", nil))
		if _, err := w.GetTemplate(t.Context(), ci(), "B"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("after the deletion: %v", err)
		}
		if _, err := w.GetTemplate(t.Context(), otherCaller(), "C"); err != nil {
			t.Errorf("another caller deleted it: %v", err)
		}
		if lines := w.Lines("audit"); len(lines) != 6 || !strings.Contains(lines[5], "action=templates.write ") {
			t.Errorf("%q", lines)
		}
	})
}

// eachTemplateCall makes each call with a template, as one caller.
func eachTemplateCall(t *testing.T, w *world, c callers.Caller) map[string]error {
	t.Helper()
	out := map[string]error{}
	_, _, out["list"] = w.ListTemplates(t.Context(), c, operations.PageRequest{Size: 9})
	_, out["get"] = w.GetTemplate(t.Context(), c, "T")
	_, out["put"] = w.PutTemplate(t.Context(), c, vault.Template{Name: "T"}, nil)
	out["delete"] = w.DeleteTemplate(t.Context(), c, "T", nil)
	return out
}

func TestTemplates_Refused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*world, *callers.Caller)
		want   fault.Kind
	}{
		"not in the file": {func(_ *world, c *callers.Caller) {
			c.Actions = without(without(callers.Actions(), callers.ReadTemplates), callers.WriteTemplates)
		}, fault.Denied},
		"callers file unreadable": {func(w *world, _ *callers.Caller) { w.CallersErr = storeDown }, fault.Unavailable},
		"store down":              {func(w *world, _ *callers.Caller) { failReads(w) }, fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				asked := ci()
				c.change(w, &asked)
				for call, err := range eachTemplateCall(t, w, asked) {
					wantKind(t, call, err, c.want)
				}
			})
		})
	}
}

func TestTemplates_IfMatch(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		put := func(description string, ifMatch *string) (vault.Template, error) {
			in := vault.Template{Name: "T", Description: description}
			return w.PutTemplate(t.Context(), ci(), in, ifMatch)
		}
		changed := func(what string, err error) {
			t.Helper()
			if wantKind(t, what, err, fault.Conflict); !errors.Is(err, operations.ErrChanged) {
				t.Errorf("%s: %v", what, err)
			}
		}
		_, err := put("1", new("*"))
		changed("to replace what is missing", err)
		changed("to delete what is missing", w.DeleteTemplate(t.Context(), ci(), "T", new("*")))
		first, err := put("1", nil)
		check(t, err)
		second, err := put("2", new(operations.ETag(first)))
		check(t, err)
		_, err = put("3", new(operations.ETag(first)))
		changed("an old version", err)
		changed("to delete an old version", w.DeleteTemplate(t.Context(), ci(), "T", new(operations.ETag(first))))
		if got, err := w.GetTemplate(t.Context(), ci(), "T"); err != nil || got.Description != "2" {
			t.Errorf("%+v, %v", got, err)
		}
		check(t, w.DeleteTemplate(t.Context(), ci(), "T", new(operations.ETag(second))))
		var outcomes []string
		for _, line := range w.Lines("audit") {
			_, outcome, _ := strings.Cut(line, "outcome=")
			outcomes = append(outcomes, outcome)
		}
		want := []string{"conflict", "conflict", "ok", "ok", "conflict", "conflict", "ok"}
		if diff := cmp.Diff(want, outcomes); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTemplates_Limit(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for i := range 100 {
			_, err := w.PutTemplate(t.Context(), ci(), vault.Template{Name: fmt.Sprint("T", i)}, nil)
			if i < 99 {
				check(t, err)
				continue
			}
			wantKind(t, "the hundredth", err, fault.Conflict)
			if text := fault.Public(i18n.In("en"), err, ""); !strings.Contains(text, "99 templates") {
				t.Errorf("%q", text)
			}
		}
		_, err := w.PutTemplate(t.Context(), ci(), vault.Template{Name: "T0", Description: " d "}, nil)
		check(t, err) // to replace one needs no room
		got, err := w.GetTemplate(t.Context(), ci(), "T0")
		if err != nil || got.Description != "d" {
			t.Errorf("%+v, %v", got, err)
		}
		_, err = w.PutTemplate(
			t.Context(),
			ci(),
			vault.Template{Name: "T0", DisplayName: strings.Repeat("x", 129)},
			nil,
		)
		wantKind(t, "an invalid template", err, fault.Invalid)
	})
}

func TestNormalizeTemplate(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("ä", n) }
	whole := vault.Template{
		Name: "T", DisplayName: " INC  {{title}} ", Description: " d ", Guidelines: " g ", FirstMessage: " f ",
		Members: []string{"users/1", "groups/g", "users/1"}, Discoverable: true, Announcements: true, External: true,
		History: "HISTORY_OFF", AddApp: true,
	}
	got, err := operations.NormalizeTemplate(whole)
	check(t, err)
	want := whole
	want.DisplayName, want.Description, want.Guidelines, want.FirstMessage = "INC {{title}}", "d", "g", "f"
	want.Members = []string{"users/1", "groups/g"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, c := range map[string]struct {
		in   vault.Template
		text string // part of what the caller reads; empty if the template is valid
	}{
		"longest message":  {vault.Template{Name: "T", FirstMessage: long(4000)}, ""},
		"long message":     {vault.Template{Name: "T", FirstMessage: long(4001)}, "more than 4000 characters"},
		"long description": {vault.Template{Name: "T", Description: long(4097)}, "4,097"},
		"unknown history":  {vault.Template{Name: "T", History: "ON"}, "history setting"},
		"long name":        {vault.Template{Name: "T", DisplayName: long(129)}, "129"},
		"too many members": {vault.Template{Name: "T", Members: make50()}, "50"},
	} {
		_, err := operations.NormalizeTemplate(c.in)
		if c.text == "" {
			check(t, err)
			continue
		}
		wantKind(t, name, err, fault.Invalid)
		if text := fault.Public(i18n.In("en"), err, ""); !strings.Contains(text, c.text) {
			t.Errorf("%s: the caller reads %q", name, text)
		}
	}
}

// make50 returns one member more than a template may have.
func make50() (out []string) {
	for _, m := range named(50) {
		out = append(out, m.User)
	}
	return out
}

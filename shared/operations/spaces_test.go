package operations_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
)

func TestListSpaces(t *testing.T) {
	inFriendlyWorld(t, func(t *testing.T, w *world) {
		w.Google.CreateSpace("Plan A", ada)
		w.Google.CreateSpace("Plan B", ada)
		list := func(query string, p operations.PageRequest) (out []string, next string) {
			t.Helper()
			page, err := w.ListSpaces(t.Context(), call(""), query, p)
			check(t, err)
			for _, s := range page.Spaces {
				out = append(out, s.DisplayName)
			}
			return out, page.Next
		}
		first, next := list("", operations.PageRequest{Size: 2})
		last, end := list("", operations.PageRequest{Size: 2, Token: next})
		if diff := cmp.Diff([]string{"Plan A", "Plan B", "Team"}, append(first, last...)); diff != "" || end != "" {
			t.Error(diff)
		}
		if found, _ := list("plan b", operations.PageRequest{Size: 9}); len(found) != 1 {
			t.Errorf("%q", found)
		}
		_, err := w.GetSpace(t.Context(), call(""), "spaces/none")
		wantKind(t, "no such space", err, fault.NotFound)
	})
}

func TestUpdateSpace_IfMatch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ifMatch func(etag string) *string
		want    bool
	}{
		"none":              {func(string) *string { return nil }, true},
		"the state":         {func(e string) *string { return &e }, true},
		"anything":          {func(string) *string { return new("*") }, true},
		"a list":            {func(e string) *string { return new(`"x" , ` + e) }, true},
		"another state":     {func(string) *string { return new(`"x"`) }, false},
		"nothing":           {func(string) *string { return new("") }, false},
		"the state, weakly": {func(e string) *string { return new("W/" + e) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				space := resource.SpaceName("spaces/" + w.Google.CreateSpace("Plan", ada).ID)
				found, err := w.GetSpace(t.Context(), call(""), space)
				check(t, err)
				etag := operations.ETag(found)
				if len(etag) != 26 || !strings.HasPrefix(etag, `"`) || !strings.HasSuffix(etag, `"`) {
					t.Errorf("%s", etag)
				}
				in := operations.SpaceChange{
					Space: space, Change: spaces.Change{DisplayName: new("Plan B")}, IfMatch: c.ifMatch(etag),
				}
				updated, err := w.UpdateSpace(t.Context(), call("a-key"), in)
				if !c.want {
					wantKind(t, "the change", err, fault.Conflict)
					if text := fault.Public(i18n.In("en"), err, ""); !errors.Is(err, operations.ErrChanged) ||
						!strings.Contains(text, "nothing was done") {
						t.Errorf("%v", err)
					}
				} else if err != nil || updated.DisplayName != "Plan B" || operations.ETag(updated) == etag {
					t.Errorf("%+v, %v", updated, err)
				}
				if _, changed := w.Google.SpaceByName("Plan B"); changed != c.want {
					t.Errorf("changed: %v", changed)
				}
			})
		})
	}
}

// A retry whose own first attempt changed the space is no lost update, but a change by others is.
func TestUpdateSpace_RetryWithIfMatch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meanwhile string // name that others give the space
		want      bool
	}{"own change": {"", true}, "change by others": {"Theirs", false}} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				id := w.Google.CreateSpace("Plan", ada).ID
				space := resource.SpaceName("spaces/" + id)
				found, err := w.GetSpace(t.Context(), call(""), space)
				check(t, err)
				in := operations.SpaceChange{
					Space: space, IfMatch: new(operations.ETag(found)),
					Change: spaces.Change{DisplayName: new("Plan B"), Description: new("d")},
				}
				patches := 0
				w.Intercept = func(r *http.Request, next func() *http.Response) (*http.Response, error) {
					if r.Method == http.MethodPatch {
						if patches++; patches > 1 {
							return nil, errors.New("no answer")
						}
					}
					return next(), nil
				}
				_, err = w.UpdateSpace(t.Context(), call("a-key"), in)
				wantKind(t, "after the first of two steps", err, fault.Unavailable)
				w.Intercept = nil
				if c.meanwhile != "" {
					w.Google.RenameSpace(id, c.meanwhile)
				}
				updated, err := w.UpdateSpace(t.Context(), call("a-key"), in)
				if c.want {
					if err != nil || updated.DisplayName != "Plan B" || updated.Description != "d" {
						t.Errorf("%+v, %v", updated, err)
					}
				} else if !errors.Is(err, operations.ErrChanged) {
					t.Errorf("%v", err)
				}
				other := in
				_, err = w.UpdateSpace(t.Context(), call("b-key"), other)
				if !errors.Is(err, operations.ErrChanged) {
					t.Errorf("another request with the old ETag: %v", err)
				}
			})
		})
	}
}

// Each space has one change at a time, so that of two callers with the same ETag one wins.
func TestUpdateSpace_OneAtATime(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		space := resource.SpaceName("spaces/" + w.Google.CreateSpace("Plan", ada).ID)
		other := resource.SpaceName("spaces/" + w.Google.CreateSpace("Other", ada).ID)
		change := func(key resource.Key, space resource.SpaceName) error {
			in := operations.SpaceChange{Space: space, Change: spaces.Change{Description: new(string(key))}}
			_, err := w.UpdateSpace(t.Context(), call(key), in)
			return err
		}
		var during []error
		w.Intercept = func(r *http.Request, next func() *http.Response) (*http.Response, error) {
			if r.Method == http.MethodPatch && during == nil {
				during = make([]error, 2)
				during[0], during[1] = change("b-key", space), change("c-key", other)
			}
			return next(), nil
		}
		check(t, change("a-key", space))
		if _, running := errors.AsType[*operations.RunningError](during[0]); !running || during[1] != nil {
			t.Errorf("%v", during)
		}
		check(t, change("b-key", space)) // its key is free
	})
}

// A caller that disconnects leaves no lock behind.
func TestUpdateSpace_CallerGone(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		space := resource.SpaceName("spaces/" + w.Google.CreateSpace("Plan", ada).ID)
		ctx, cancel := context.WithCancel(t.Context())
		w.CancelAfter(string(space), cancel)
		in := operations.SpaceChange{Space: space, Change: spaces.Change{Description: new("d")}}
		_, err := w.UpdateSpace(ctx, call("a-key"), in)
		wantKind(t, "the change", err, fault.Unavailable)
		w.Intercept = nil
		_, err = w.UpdateSpace(t.Context(), call("b-key"), in)
		check(t, err)
	})
}

func TestUpdateSpace_ErrorWhileChecking(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		in := operations.SpaceChange{
			Space:   "spaces/none",
			Change:  spaces.Change{Description: new("d")},
			IfMatch: new("*"),
		}
		_, err := w.UpdateSpace(t.Context(), call("a-key"), in)
		wantKind(t, "no such space", err, fault.NotFound)
		in.Space = resource.SpaceName("spaces/" + w.Google.CreateSpace("Plan", ada).ID)
		w.Docs.Docs = brokenJournal{w.Docs.Docs}
		_, err = w.UpdateSpace(t.Context(), call("b-key"), in)
		wantKind(t, "the state is not saved", err, fault.Unavailable)
		if w.Google.Count("chat.spaces.patch") != 0 {
			t.Error("a retry would take the change for another's")
		}
	})
}

func TestDeleteSpace(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		space := resource.SpaceName("spaces/" + w.Google.CreateSpace("Plan", ada).ID)
		remove := func(key resource.Key, confirm string) error {
			in := operations.SpaceDeletion{Space: space, Confirm: confirm}
			return w.DeleteSpace(t.Context(), call(key), in)
		}
		for _, wrong := range []string{"plan", "Plan ", ""} {
			err := remove("a-key", wrong)
			wantKind(t, wrong, err, fault.Invalid)
			if text := fault.Public(i18n.In("en"), err, ""); !strings.Contains(text, "Nothing was deleted") {
				t.Errorf("%q", text)
			}
		}
		w.Google.Fail("chat.spaces.delete", 403)
		wantKind(t, "refused", remove("a-key", "Plan"), fault.Denied)
		w.Docs.Docs = brokenJournal{w.Docs.Docs}
		wantKind(t, "the store is down", remove("b-key", "Plan"), fault.Unavailable)
		w.Docs.Docs = w.Docs.Docs.(brokenJournal).Docs
		if _, found := w.Google.SpaceByName("Plan"); !found || w.Google.Count("chat.spaces.delete") != 1 {
			t.Fatal("deleted")
		}
		check(t, remove("c-key", "Plan"))
		if _, found := w.Google.SpaceByName("Plan"); found {
			t.Error("not deleted")
		}
		check(t, remove("c-key", "Plan"))
		wantKind(t, "a new request", remove("d-key", "Plan"), fault.NotFound)
	})
}

// The response is lost: the retry finds no space and succeeds.
func TestDeleteSpace_LostResponse(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]int{"once": 1, "always": 4} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				space := resource.SpaceName("spaces/" + w.Google.CreateSpace("Plan", ada).ID)
				in := operations.SpaceDeletion{Space: space, Confirm: "Plan"}
				w.Intercept = func(r *http.Request, next func() *http.Response) (*http.Response, error) {
					res := next()
					if r.Method == http.MethodDelete && lost > 0 {
						lost--
						res.StatusCode = http.StatusServiceUnavailable
						res.Body = http.NoBody
					}
					return res, nil
				}
				err := w.DeleteSpace(t.Context(), call("a-key"), in)
				if name == "always" {
					wantKind(t, "the first attempt", err, fault.Unavailable)
					err = w.DeleteSpace(t.Context(), call("a-key"), in)
				}
				check(t, err)
			})
		})
	}
}

// One consent asks for both, and nothing is read before it.
func TestDeleteSpace_Consent(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Connect(ada, capability.CreateSpaces)
		w.Approve(ada, callers.AuthorityUser, callers.Actions()...)
		err := w.DeleteSpace(t.Context(), call("a-key"), operations.SpaceDeletion{Space: team, Confirm: "Team"})
		i, ok := invitationOf(err)
		want := []capability.Capability{capability.DeleteSpaces, capability.ReadSpaces}
		if !ok || cmp.Diff(want, i.Needs.Missing) != "" || len(w.Google.Calls()) != 0 {
			t.Errorf("%v", err)
		}
	})
}

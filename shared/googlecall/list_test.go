package googlecall_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
)

// pages returns a Fetch of these pages, and the requests that it gets as "size token".
func pages(all ...[]int) (googlecall.Fetch[int], *[]string) {
	var requests []string
	return func(size int64, token string) (googlecall.Page[int], error) {
		requests = append(requests, fmt.Sprint(size, " ", token))
		n := 0
		if token != "" {
			_, _ = fmt.Sscanf(token, "p%d", &n)
		}
		out := googlecall.Page[int]{Items: all[n]}
		if n+1 < len(all) {
			out.Next = fmt.Sprintf("p%d", n+1)
		}
		return out, nil
	}, &requests
}

func TestList_FollowsTokens(t *testing.T) {
	for name, c := range map[string]struct {
		pages [][]int
		limit int
		want  []int
		more  bool
	}{
		"one page":          {[][]int{{1, 2}}, 9, []int{1, 2}, false},
		"none":              {[][]int{nil}, 9, nil, false},
		"empty first page":  {[][]int{nil, {1}, nil, {2}}, 9, []int{1, 2}, false},
		"empty last page":   {[][]int{{1}, nil}, 9, []int{1}, false},
		"limit":             {[][]int{{1, 2}, {3, 4}}, 3, []int{1, 2, 3}, true},
		"exactly the limit": {[][]int{{1, 2}, {3}}, 3, []int{1, 2, 3}, false},
		"limit at a page":   {[][]int{{1, 2}, {3}, {4}}, 3, []int{1, 2, 3}, true},
	} {
		fetch, _ := pages(c.pages...)
		got, more, err := googlecall.List(c.limit, fetch)
		if diff := cmp.Diff(c.want, got); diff != "" || more != c.more || err != nil {
			t.Errorf("%s: more %v, %v, %s", name, more, err, diff)
		}
	}
}

// A list that never ends is cut off, and says so.
func TestList_Endless(t *testing.T) {
	calls := 0
	got, more, err := googlecall.List(9, func(int64, string) (googlecall.Page[int], error) {
		calls++
		return googlecall.Page[int]{Next: "again"}, nil
	})
	if len(got) != 0 || !more || err != nil || calls != 200 {
		t.Errorf("%v, more %v, %v, %d calls", got, more, err, calls)
	}
}

// A page that is too large for Google is read in small pages; another error ends the list, and what was read stays.
func TestList_Errors(t *testing.T) {
	unavailable, denied := fault.New(fault.Unavailable, fault.NoText), fault.New(fault.Denied, fault.NoText)
	notSetUp := &fault.Error{Kind: fault.Unavailable, Err: googlecall.ErrNotSetUp}
	for name, c := range map[string]struct {
		errs     []error // of each call
		requests []string
		got      int
		err      error
	}{
		"large pages fail": {
			[]error{unavailable}, []string{"100 ", "10 ", "10 p1", "10 p2"}, 3, nil,
		},
		"a later page fails": {
			[]error{nil, unavailable}, []string{"100 ", "100 p1", "10 p1", "10 p2"}, 3, nil,
		},
		"small pages fail": {[]error{unavailable, unavailable}, []string{"100 ", "10 "}, 0, unavailable},
		"denied":           {[]error{nil, denied}, []string{"100 ", "100 p1"}, 1, denied},
		"not set up":       {[]error{notSetUp}, []string{"100 "}, 0, notSetUp},
	} {
		fetch, requests := pages([]int{1}, []int{2}, []int{3})
		got, more, err := googlecall.List(9, func(size int64, token string) (googlecall.Page[int], error) {
			page, _ := fetch(size, token)
			if n := len(*requests); n <= len(c.errs) && c.errs[n-1] != nil {
				return googlecall.Page[int]{}, c.errs[n-1]
			}
			return page, nil
		})
		if diff := cmp.Diff(c.requests, *requests); diff != "" || len(got) != c.got || !errors.Is(err, c.err) ||
			more != (c.err != nil) {
			t.Errorf("%s: %v, more %v, %v, %s", name, got, more, err, diff)
		}
	}
}

func TestNextPage(t *testing.T) {
	fetch, requests := pages(nil, nil, []int{1}, []int{2})
	got, err := googlecall.NextPage(7, "", fetch)
	if diff := cmp.Diff(googlecall.Page[int]{Items: []int{1}, Next: "p3"}, got); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	if diff := cmp.Diff([]string{"7 ", "7 p1", "7 p2"}, *requests); diff != "" {
		t.Error(diff)
	}
	fetch, _ = pages([]int{1}, nil)
	if got, err := googlecall.NextPage(7, "p1", fetch); err != nil || len(got.Items) != 0 || got.Next != "" {
		t.Errorf("an empty last page: %+v, %v", got, err)
	}
	denied, calls := fault.New(fault.Denied, fault.NoText), 0
	_, err = googlecall.NextPage(7, "", func(int64, string) (googlecall.Page[int], error) {
		calls++
		return googlecall.Page[int]{Next: "again"}, denied
	})
	if !errors.Is(err, denied) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
	calls = 0
	_, err = googlecall.NextPage(7, "", func(int64, string) (googlecall.Page[int], error) {
		calls++
		return googlecall.Page[int]{Next: "again"}, nil
	})
	if err != nil || calls != 200 {
		t.Errorf("endless: %v after %d calls", err, calls)
	}
}

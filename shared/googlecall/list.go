package googlecall

import (
	"errors"

	"example.com/deputy/shared/fault"
)

// The sizes of the pages that Deputy asks for: Google's default, and one after an error on Google's side. Google may
// return fewer items, or none, with a token (AIP-158).
const (
	pageSize      = 100
	smallPageSize = 10
	maxPages      = 200 // of one list
)

// Page is a page of a list. Next is the token of the next page; empty after the last page.
type Page[T any] struct {
	Items []T
	Next  string
}

// Fetch returns the page of a list that token selects. size is the most items that it may have.
type Fetch[T any] func(size int64, token string) (Page[T], error)

// List returns the items of a list, at most limit, and reports whether there are more. With an error, it returns the
// items that were read before.
func List[T any](limit int, fetch Fetch[T]) (items []T, more bool, err error) {
	size, token := int64(pageSize), ""
	for range maxPages {
		page, err := fetch(size, token)
		if isServerError(err) && size == pageSize {
			size = smallPageSize
			page, err = fetch(size, token)
		}
		if err != nil {
			return items, true, err
		}
		items, token = append(items, page.Items...), page.Next
		switch {
		case len(items) > limit || len(items) == limit && token != "":
			return items[:limit], true, nil
		case token == "":
			return items, false, nil
		}
	}
	return items, true, nil
}

// NextPage returns the page that token selects, or the next one that is not empty.
func NextPage[T any](size int64, token string, fetch Fetch[T]) (Page[T], error) {
	for n := 1; ; n++ {
		page, err := fetch(size, token)
		if err != nil || len(page.Items) > 0 || page.Next == "" || n == maxPages {
			return page, err
		}
		token = page.Next
	}
}

func isServerError(err error) bool {
	return err != nil && fault.KindOf(err) == fault.Unavailable && !errors.Is(err, ErrNotSetUp)
}

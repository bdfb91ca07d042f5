package vault

import (
	"context"
	"time"

	"github.com/googleapis/gax-go/v2"

	"example.com/deputy/shared/fault"
)

const (
	sequences     = "sequences"
	sequenceTries = 20
	remembered    = 200 // uses whose number is known again
)

// LastSeq is the number of the last use of a template; 0 before the first.
func (v *Vault) LastSeq(ctx context.Context, template string) (int64, error) {
	doc, err := v.docs.Get(ctx, sequences, template)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return 0, nil
	}
	return number(doc.Fields, "last"), fault.Wrap("vault.LastSeq", err)
}

// NextSeq is the number of one use of a template ({{seq}}), from 1 (collection
// sequences, id: the template's). The same use, named by its key, has the same
// number while it is among the last 200. A number is never given twice; one
// whose use came to nothing is left out.
func (v *Vault) NextSeq(ctx context.Context, template, key string) (int64, error) {
	back := gax.Backoff{Initial: 20 * time.Millisecond, Max: 400 * time.Millisecond, Multiplier: 1.5}
	for try := 1; ; try++ {
		doc, err := v.docs.Get(ctx, sequences, template)
		absent := err != nil && fault.KindOf(err) == fault.NotFound
		if err != nil && !absent {
			return 0, fault.Wrap("vault.NextSeq", err)
		}
		last, uses := number(doc.Fields, "last"), texts(doc.Fields, "uses")
		for i, use := range uses { // the newest stands last
			if use == key {
				return last - int64(len(uses)-1-i), nil
			}
		}
		uses = append(uses, key)
		fields := Fields{"last": last + 1, "uses": uses[max(0, len(uses)-remembered):]}
		if absent {
			_, err = v.docs.Create(ctx, sequences, template, fields)
		} else {
			_, err = v.docs.Replace(ctx, sequences, template, fields, doc.Version)
		}
		switch {
		case err == nil:
			return last + 1, nil
		case fault.KindOf(err) != fault.Conflict:
			return 0, fault.Wrap("vault.NextSeq", err)
		case try == sequenceTries:
			return 0, &fault.Error{Op: "vault.NextSeq", Kind: fault.Unavailable, Err: err} // many at once: later
		}
		if err := gax.Sleep(ctx, back.Pause()); err != nil {
			return 0, &fault.Error{Op: "vault.NextSeq", Kind: fault.Unavailable, Err: err}
		}
	}
}

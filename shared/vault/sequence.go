package vault

import (
	"context"
	"slices"
	"time"

	"github.com/googleapis/gax-go/v2"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

const (
	sequences     = "sequences"
	sequenceTries = 20
	remembered    = 200 // uses whose number is known again
)

// sequence is the numbers that a template has given.
type sequence struct {
	Last int64    `json:"last"`
	Uses []string `json:"uses"` // the newest stands last
}

// sequence reads that of a template (TemplateID); zero when there is none.
func (v *Vault) sequence(ctx context.Context, template string) (s sequence, version Version, err error) {
	doc, err := v.docs.Get(ctx, sequences, template)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return s, "", nil
	}
	if err == nil {
		err = v.open(sequences, doc, &s)
	}
	return s, doc.Version, err
}

// LastSeq is the number of the last use of a template (TemplateID); 0 before the
// first.
func (v *Vault) LastSeq(ctx context.Context, template string) (int64, error) {
	s, _, err := v.sequence(ctx, template)
	return s.Last, fault.Wrap("vault.LastSeq", err)
}

// NextSeq is the number of one use of a template ({{seq}}), from 1 (collection
// sequences, id: the template's). The same use, named by its key, has the same
// number while it is among the last 200. A number is never given twice; one
// whose use came to nothing is left out.
func (v *Vault) NextSeq(ctx context.Context, template string, key resource.Key) (int64, error) {
	back := gax.Backoff{Initial: 20 * time.Millisecond, Max: 400 * time.Millisecond, Multiplier: 1.5}
	for try := 1; ; try++ {
		s, version, err := v.sequence(ctx, template)
		if err != nil {
			return 0, fault.Wrap("vault.NextSeq", err)
		}
		for i, use := range s.Uses {
			if use == string(key) {
				return s.Last - int64(len(s.Uses)-1-i), nil
			}
		}
		uses := append(slices.Clone(s.Uses), string(key))
		next := sequence{s.Last + 1, uses[max(0, len(uses)-remembered):]}
		f, err := v.sealed(sequences, template, next, nil)
		switch {
		case err != nil:
		case version == "":
			_, err = v.docs.Create(ctx, sequences, template, f)
		default:
			_, err = v.docs.Replace(ctx, sequences, template, f, version)
		}
		switch {
		case err == nil:
			return next.Last, nil
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

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
	maxUses       = 200 // uses that keep their number on a retry
)

// sequence holds the last number of a template and its recent uses.
type sequence struct {
	Last int64    `json:"last"`
	Uses []string `json:"uses"` // idempotency keys, newest last
}

// loadSequence returns the sequence of a template (TemplateID), zero if there is none.
func (v *Vault) loadSequence(ctx context.Context, template string) (s sequence, version Version, err error) {
	doc, err := v.load(ctx, Ref{sequences, template}, &s)
	if fault.KindOf(err) == fault.NotFound {
		err = nil
	}
	return s, doc.Version, err
}

// LastSeq returns the number of the last use of a template (TemplateID), or 0.
func (v *Vault) LastSeq(ctx context.Context, template string) (int64, error) {
	s, _, err := v.loadSequence(ctx, template)
	return s.Last, fault.Wrap("vault.LastSeq", err)
}

// NextSeq returns the number ({{seq}}, from 1) of one use of a template (collection sequences, id: TemplateID). Among
// the last 200 uses, the same key gets the same number. Numbers are never reused, even if the use failed.
func (v *Vault) NextSeq(ctx context.Context, template string, key resource.Key) (int64, error) {
	backoff := gax.Backoff{Initial: 20 * time.Millisecond, Max: 400 * time.Millisecond, Multiplier: 1.5}
	for try := 1; ; try++ {
		s, version, err := v.loadSequence(ctx, template)
		if err != nil {
			return 0, fault.Wrap("vault.NextSeq", err)
		}
		for i, use := range s.Uses {
			if use == string(key) {
				return s.Last - int64(len(s.Uses)-1-i), nil
			}
		}
		uses := append(slices.Clone(s.Uses), string(key))
		next := sequence{s.Last + 1, uses[max(0, len(uses)-maxUses):]}
		_, err = v.save(ctx, Ref{sequences, template}, version, next, nil)
		switch {
		case err == nil:
			return next.Last, nil
		case fault.KindOf(err) != fault.Conflict:
			return 0, fault.Wrap("vault.NextSeq", err)
		case try == sequenceTries:
			return 0, &fault.Error{Op: "vault.NextSeq", Kind: fault.Unavailable, Err: err} // too many concurrent uses
		}
		if err := gax.Sleep(ctx, backoff.Pause()); err != nil {
			return 0, &fault.Error{Op: "vault.NextSeq", Kind: fault.Unavailable, Err: err}
		}
	}
}

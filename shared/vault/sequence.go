package vault

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/googleapis/gax-go/v2"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

const (
	sequences     = "sequences"
	sequenceTries = 20
	sequenceTime  = 15 * time.Second
	maxUses       = 200 // uses that keep their number on a retry
	maxBatch      = 100 // uses that get their numbers in one write
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
// the last 200 uses, the same key gets the same number. Numbers are never reused, even if the use failed. A document
// takes about one write a second, so concurrent uses share a write.
func (v *Vault) NextSeq(ctx context.Context, template string, key resource.Key) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, &fault.Error{Op: "vault.NextSeq", Kind: fault.Unavailable, Err: err}
	}
	u := &use{key: string(key), done: make(chan struct{})}
	if v.uses.add(template, u) {
		go v.numberUses(ctx, template)
	}
	select {
	case <-u.done:
		return u.number, fault.Wrap("vault.NextSeq", u.err)
	case <-ctx.Done():
		return 0, &fault.Error{Op: "vault.NextSeq", Kind: fault.Unavailable, Err: ctx.Err()}
	}
}

// use is one use of a template that waits for its number.
type use struct {
	key    string
	number int64
	err    error
	done   chan struct{} // closed when number or err is set
}

// uses are the uses that wait, by template. A template is in it while numberUses works on it.
type uses struct {
	mu      sync.Mutex
	waiting map[string][]*use
}

// add reports whether the template was not in it.
func (s *uses) add(template string, u *use) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == nil {
		s.waiting = map[string][]*use{}
	}
	queue, working := s.waiting[template]
	s.waiting[template] = append(queue, u)
	return !working
}

// take removes and returns up to maxBatch uses. If there are none, it removes the template.
func (s *uses) take(template string) []*use {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue := s.waiting[template]
	if len(queue) == 0 {
		delete(s.waiting, template)
		return nil
	}
	n := min(len(queue), maxBatch)
	s.waiting[template] = queue[n:]
	return queue[:n]
}

// numberUses numbers the uses of a template until none waits.
func (v *Vault) numberUses(ctx context.Context, template string) {
	for batch := v.uses.take(template); len(batch) > 0; batch = v.uses.take(template) {
		err := fault.Catch(func() error {
			ctx, cancel := fault.Detach(ctx, sequenceTime)
			defer cancel()
			return v.numberBatch(ctx, template, batch)
		})
		for _, u := range batch {
			u.err = err
			close(u.done)
		}
	}
}

// numberBatch gives each use of a batch its number, in one write.
func (v *Vault) numberBatch(ctx context.Context, template string, batch []*use) error {
	backoff := gax.Backoff{Initial: 20 * time.Millisecond, Max: 400 * time.Millisecond, Multiplier: 1.5}
	for try := 1; ; try++ {
		s, version, err := v.loadSequence(ctx, template)
		if err != nil {
			return err
		}
		before := s.Last
		for _, u := range batch {
			u.number = s.number(u.key)
		}
		if s.Last == before {
			return nil
		}
		s.Uses = s.Uses[max(0, len(s.Uses)-maxUses):]
		_, err = v.save(ctx, Ref{sequences, template}, version, s, nil)
		switch {
		case err == nil:
			return nil
		case fault.KindOf(err) != fault.Conflict:
			return err
		case try == sequenceTries: // too many concurrent uses
			return &fault.Error{Op: "vault.numberBatch", Kind: fault.Unavailable, Err: err}
		}
		if err := gax.Sleep(ctx, backoff.Pause()); err != nil {
			return &fault.Error{Op: "vault.numberBatch", Kind: fault.Unavailable, Err: err}
		}
	}
}

// number returns the number of the use with this key, and adds the use if it is new.
func (s *sequence) number(key string) int64 {
	if i := slices.Index(s.Uses, key); i >= 0 {
		return s.Last - int64(len(s.Uses)-1-i)
	}
	s.Last, s.Uses = s.Last+1, append(s.Uses, key)
	return s.Last
}

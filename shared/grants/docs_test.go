package grants_test

import (
	"context"
	"sync"
	"sync/atomic"

	"example.com/deputy/internal/consenttest"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

// slowReadDocs blocks the first read of a grant after it has read.
type slowReadDocs struct {
	vault.Docs
	once          sync.Once
	reached, open chan struct{}
}

func (s *slowReadDocs) Get(ctx context.Context, collection vault.Collection, id string) (vault.Doc, error) {
	doc, err := s.Docs.Get(ctx, collection, id)
	first := false
	if collection == "grants" {
		s.once.Do(func() { first = true })
	}
	if first {
		close(s.reached)
		<-s.open
	}
	return doc, err
}

// hookedDocs calls a function once, just before the next save of a grant.
type hookedDocs struct {
	vault.Docs
	before atomic.Pointer[func()]
}

func (i *hookedDocs) Replace(
	ctx context.Context, collection vault.Collection, id string, f vault.Fields, at vault.Version,
) (vault.Version, error) {
	if collection == "grants" {
		if do := i.before.Swap(nil); do != nil {
			(*do)()
		}
	}
	return i.Docs.Replace(ctx, collection, id, f, at)
}

// readOnlyDocs fails to replace documents.
type readOnlyDocs struct{ vault.Docs }

func (readOnlyDocs) Replace(
	context.Context, vault.Collection, string, vault.Fields, vault.Version,
) (vault.Version, error) {
	return "", fault.New(fault.Unavailable, fault.NoText)
}

// slowSaveDocs blocks the first save of a grant after it has taken effect.
type slowSaveDocs struct {
	vault.Docs
	once         sync.Once
	landed, open chan struct{}
}

func (s *slowSaveDocs) Replace(
	ctx context.Context, collection vault.Collection, id string, f vault.Fields, at vault.Version,
) (vault.Version, error) {
	version, err := s.Docs.Replace(ctx, collection, id, f, at)
	first := false
	if collection == "grants" {
		s.once.Do(func() { first = true })
	}
	if first {
		close(s.landed)
		<-s.open
	}
	return version, err
}

// lostResponseDocs is a store whose client retries a write that took effect, so that the retry conflicts.
type lostResponseDocs struct{ vault.Docs }

func (l lostResponseDocs) Replace(
	ctx context.Context, collection vault.Collection, id string, f vault.Fields, at vault.Version,
) (vault.Version, error) {
	if _, err := l.Docs.Replace(ctx, collection, id, f, at); err != nil {
		return "", err
	}
	return l.Docs.Replace(ctx, collection, id, f, at)
}

// undeletableDocs fails to delete documents.
type undeletableDocs struct{ vault.Docs }

func (undeletableDocs) Delete(context.Context, vault.Collection, string, vault.Version) error {
	return fault.New(fault.Unavailable, fault.NoText)
}

// failingInstance returns an instance whose calls of the store fail, before they take effect, if fails returns true.
func (w *world) failingInstance(fails func(vaulttest.Call) bool) *consenttest.Instance {
	return w.InstanceOn(w.faulty(fails, fault.Unavailable))
}

// faulty returns a store on which calls fail with this kind, before they take effect, if fails returns true.
func (w *world) faulty(fails func(vaulttest.Call) bool, kind fault.Kind) *vaulttest.Faulty {
	return &vaulttest.Faulty{Docs: w.Docs, Inject: func(_ context.Context, c vaulttest.Call) error {
		if !c.Applied && fails(c) {
			return fault.New(kind, fault.NoText)
		}
		return nil
	}}
}

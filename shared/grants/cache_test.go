package grants_test

import (
	"testing"
	"time"

	"example.com/deputy/internal/consenttest"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
)

func TestCache_SlowRead(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	slow := &slowReadDocs{Docs: w.Docs, reached: make(chan struct{}), open: make(chan struct{})}
	w.Instance = w.InstanceOn(slow)
	done := make(chan error, 1)
	go func() {
		_, err := w.Connection(t.Context(), adaID) // blocks after reading the grant
		done <- err
	}()
	<-slow.reached
	w.SignIn(ada, create, members)
	close(slow.open)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := w.Token(ada, create, members); err != nil {
		t.Errorf("the older grant replaced the newer one: %v", err)
	}
}

// A save that is cached late must not replace a grant that has ended since.
func TestCache_OlderGeneration(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	slow := &slowSaveDocs{Docs: w.Docs, landed: make(chan struct{}), open: make(chan struct{})}
	a := w.InstanceOn(slow)
	done := make(chan error, 1)
	go func() { done <- a.RecordAppRemoved(t.Context(), adaID, w.Now()) }() // blocks after its save
	<-slow.landed
	if _, err := a.Disconnect(t.Context(), adaID); err != nil {
		t.Fatal(err)
	}
	close(slow.open)
	check(t, <-done)
	if _, err := a.TokenSource(t.Context(), adaID, create); fault.KindOf(err) != fault.NeedsConsent {
		t.Errorf("a disconnected grant is used: %v", err)
	}
}

func TestCache_LateSave(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(2 * time.Hour)
	slow := &slowSaveDocs{Docs: w.Docs, landed: make(chan struct{}), open: make(chan struct{})}
	w.Instance = w.InstanceOn(slow)
	done := make(chan error, 1)
	go func() { done <- w.Token(ada, create) }() // refreshes, and blocks after its save
	<-slow.landed
	if _, err := w.Disconnect(t.Context(), adaID); err != nil {
		t.Fatal(err)
	}
	close(slow.open)
	if err := <-done; err != nil && fault.KindOf(err) != fault.NeedsConsent {
		t.Fatal(err)
	}
	if err := w.Token(ada, create); fault.KindOf(err) != fault.NeedsConsent {
		t.Errorf("a disconnected grant is used: %v", err)
	}
}

func TestCache_Lifetime(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	for _, c := range []struct {
		wait  time.Duration
		reads int64
	}{{0, 0}, {time.Minute - time.Microsecond, 0}, {time.Microsecond, 1}, {time.Minute - time.Microsecond, 0}} {
		w.Advance(c.wait)
		reads := w.Docs.Reads()
		if err := w.Token(ada, create); err != nil || w.Docs.Reads() != reads+c.reads {
			t.Errorf("after %v: %v, %d reads", c.wait, err, w.Docs.Reads()-reads)
		}
	}
	w.Advance(2 * time.Hour)
	check(t, w.Token(ada, create)) // refreshes
	reads := w.Docs.Reads()
	if err := w.Token(ada, create); err != nil || w.Docs.Reads() != reads {
		t.Errorf("after a refresh: %v, %d reads", err, w.Docs.Reads()-reads)
	}
}

// A slow read must not bring back a token that an API has rejected since.
func TestCache_SlowReadOfRejectedToken(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	slow := &slowReadDocs{Docs: w.Docs, reached: make(chan struct{}), open: make(chan struct{})}
	a := w.InstanceOn(slow)
	done := make(chan error, 1)
	go func() {
		_, err := a.Connection(t.Context(), adaID)
		done <- err
	}()
	<-slow.reached
	w.Advance(time.Second)
	last, _, err := actFor(t, a, adaID, googlecall.ErrToken)
	check(t, err)
	close(slow.open)
	check(t, <-done)
	if next, _, err := actFor(t, a, adaID); err != nil || next != last {
		t.Errorf("the rejected token is used again: %v", err)
	}
}

// A record of an older generation, as from a backup, replaces the cached one after a minute.
func TestCache_RestoredBackup(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	restore := w.backup(ada)
	w.Advance(time.Second)
	w.SignIn(ada, create)
	restore()
	w.Advance(time.Minute)
	for use, want := range []int64{1, 0} {
		reads := w.Docs.Reads()
		if err := w.Token(ada, create); err != nil || w.Docs.Reads() != reads+want {
			t.Errorf("use %d: %v, %d reads", use+1, err, w.Docs.Reads()-reads)
		}
	}
}

// Once an instance has read that a grant is gone, it must not use the cached one.
func TestCache_ErasedGrant(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.Advance(time.Second)
	_, err := consenttest.NewInstance(w.Deps).Disconnect(t.Context(), adaID)
	check(t, err)
	check(t, w.Token(ada, create)) // from the cache
	if c, err := w.Connection(t.Context(), adaID); err != nil || c.Connected {
		t.Errorf("%+v, %v", c, err)
	}
	if err := w.Token(ada, create); fault.KindOf(err) != fault.NeedsConsent {
		t.Errorf("the cached grant is used: %v", err)
	}
}

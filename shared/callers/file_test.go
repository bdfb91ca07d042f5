package callers_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/logging"
)

// memoryStore is a store of one text, which can fail.
type memoryStore struct {
	mu    sync.Mutex
	text  string
	err   error
	reads atomic.Int64
	block chan struct{} // if set, Read waits until it is closed
}

func (s *memoryStore) Read(ctx context.Context) ([]byte, string, error) {
	s.reads.Add(1)
	if s.block != nil {
		<-s.block
	}
	if ctx.Err() != nil {
		return nil, "", ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return []byte(s.text), "1", s.err
}

func (s *memoryStore) Write(context.Context, []byte, string) error {
	return errors.New("read-only store")
}

func (s *memoryStore) set(text string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text, s.err = text, err
}

// newFile returns a File in a memoryStore. Its clock runs ahead by a settable offset.
func newFile(t *testing.T) (f *callers.File, s *memoryStore, ahead *atomic.Int64, log *strings.Builder) {
	t.Helper()
	s, ahead, log = &memoryStore{text: valid}, &atomic.Int64{}, &strings.Builder{}
	start := time.Now()
	now := func() time.Time { return start.Add(time.Duration(ahead.Load())) }
	return callers.NewFile(s, logging.NewText(log), now), s, ahead, log
}

func TestFile_StaleForTenMinutes(t *testing.T) {
	for name, broken := range map[string]func(*memoryStore){
		"unavailable":    func(s *memoryStore) { s.set("", fault.New(fault.Unavailable, fault.NoText)) },
		"not found":      func(s *memoryStore) { s.set("", fault.New(fault.NotFound, fault.NoText)) },
		"not YAML":       func(s *memoryStore) { s.set("callers: [", nil) },
		"invalid caller": func(s *memoryStore) { s.set("callers: [{id: X}]", nil) },
	} {
		f, s, ahead, log := newFile(t)
		if _, err := f.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		broken(s)
		for _, minutes := range []int{2, 5, 9} {
			ahead.Store(int64(minutes) * int64(time.Minute))
			if set, err := f.Read(t.Context()); err != nil || len(set.Callers) != 1 {
				t.Errorf("%s, after %d minutes: %v", name, minutes, err)
			}
		}
		ahead.Store(int64(10 * time.Minute))
		_, err := f.Read(t.Context())
		if text := fault.Public(i18n.In("en"), err, ""); fault.KindOf(err) != fault.Unavailable ||
			!strings.Contains(text, "list of systems") && name != "unavailable" {
			t.Errorf("%s, after 10 minutes: %v, %q", name, err, text)
		}
		if !strings.Contains(log.String(), "cannot read the callers file") {
			t.Errorf("%s: no alarm", name)
		}
		s.set(valid, nil)
		ahead.Store(int64(12 * time.Minute))
		if _, err := f.Read(t.Context()); err != nil {
			t.Errorf("%s, readable again: %v", name, err)
		}
	}
}

func TestFile_NeverRead(t *testing.T) {
	f, s, ahead, _ := newFile(t)
	s.set("", fault.New(fault.Unavailable, fault.NoText))
	for range 3 {
		if _, err := f.Read(t.Context()); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("got %v", err)
		}
	}
	if got := s.reads.Load(); got != 1 {
		t.Errorf("%d reads immediately after a failure, want 1", got)
	}
	s.set(valid, nil)
	ahead.Store(int64(5*time.Second - 1))
	if _, err := f.Read(t.Context()); err == nil {
		t.Error("read again in less than five seconds")
	}
	ahead.Store(int64(5 * time.Second))
	if _, err := f.Read(t.Context()); err != nil {
		t.Errorf("after five seconds: %v", err)
	}
}

// An instance that was idle for an hour must not use its old copy.
func TestFile_IdleInstance(t *testing.T) {
	f, s, ahead, _ := newFile(t)
	if _, err := f.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.set("callers: []", nil)
	ahead.Store(int64(time.Hour))
	if set, err := f.Read(t.Context()); err != nil || len(set.Callers) != 0 {
		t.Errorf("%v, %v", set, err)
	}
	s.set("", fault.New(fault.Unavailable, fault.NoText))
	ahead.Store(int64(2 * time.Hour))
	if set, err := f.Read(t.Context()); err == nil {
		t.Errorf("idle again, store unavailable: %v", set)
	}
}

func TestFile_SharedRefresh(t *testing.T) {
	f, s, ahead, _ := newFile(t)
	if _, err := f.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.set("paused: true\n", nil)
	ahead.Store(int64(59 * time.Second))
	if set, _ := f.Read(t.Context()); set.Paused || s.reads.Load() != 1 {
		t.Errorf("before a minute: %d reads", s.reads.Load())
	}
	ahead.Store(int64(time.Minute))
	s.block = make(chan struct{})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if set, err := f.Read(t.Context()); err != nil || !set.Paused {
				t.Errorf("%v, %v", set, err)
			}
		})
	}
	close(s.block)
	wg.Wait()
	if got := s.reads.Load(); got != 2 {
		t.Errorf("%d reads, want 2", got)
	}
}

func TestFile_CanceledReader(t *testing.T) {
	f, s, _, _ := newFile(t)
	s.block = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Read(ctx); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("canceled: %v", err)
	}
	close(s.block)
	if _, err := f.Read(t.Context()); err != nil {
		t.Errorf("next: %v", err)
	}
	for range 20 {
		if _, err := f.Read(ctx); err != nil {
			t.Fatalf("canceled, but the copy is recent: %v", err)
		}
	}
}

// hangingStore never answers.
type hangingStore struct{ callers.Store }

func (hangingStore) Read(ctx context.Context) ([]byte, string, error) {
	<-ctx.Done()
	return nil, "", ctx.Err()
}

func TestFile_StoreHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := callers.NewFile(hangingStore{}, logging.NewText(&strings.Builder{}), time.Now)
		start := time.Now()
		_, err := f.Read(t.Context())
		if took := time.Since(start); fault.KindOf(err) != fault.Unavailable || took != 8*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

type panicStore struct{ callers.Store }

func (panicStore) Read(context.Context) ([]byte, string, error) { panic("a bug") }

func TestFile_ReadPanics(t *testing.T) {
	f := callers.NewFile(panicStore{}, logging.NewText(&strings.Builder{}), time.Now)
	_, err := f.Read(t.Context())
	if _, ok := errors.AsType[*fault.PanicError](err); !ok {
		t.Errorf("got %v", err)
	}
}

func TestOpen_Location(t *testing.T) {
	for location, want := range map[string]int{ // problems
		"/etc/deputy/callers.yaml": 0, "gs://bucket/callers.yaml": 0, "": 1, "callers.yaml": 1,
	} {
		env := config.NewReader(func(string) (string, bool) { return location, location != "" })
		if got := callers.LocationFromEnv(env); got != location {
			t.Errorf("%q: got %q", location, got)
		}
		text := ""
		if err := env.Err(); err != nil {
			text = err.Error()
		}
		isForm := strings.Contains(text, "must be gs://")
		if strings.Count(text, "CALLERS") != want || isForm != (location == "callers.yaml") {
			t.Errorf("%q: %s", location, text)
		}
	}
	_, err := callers.Open(t.Context(), "callers.yaml")
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "CALLERS must be gs://BUCKET/OBJECT") {
		t.Errorf("relative path: %v", err)
	}
	path := filepath.Join(t.TempDir(), "callers.yaml")
	if err := os.WriteFile(path, []byte(valid), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := callers.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if set, err := f.Read(t.Context()); err != nil || len(set.Callers) != 1 {
		t.Errorf("%v, %v", set, err)
	}
}

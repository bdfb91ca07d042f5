package callers_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/option"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
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

func (s *memoryStore) Read(context.Context) ([]byte, string, error) {
	s.reads.Add(1)
	if s.block != nil {
		<-s.block
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
		ahead.Store(int64(11 * time.Minute))
		if _, err := f.Read(t.Context()); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s, after 11 minutes: %v", name, err)
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
	f, s, _, _ := newFile(t)
	s.set("", fault.New(fault.Unavailable, fault.NoText))
	for range 3 {
		if _, err := f.Read(t.Context()); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("got %v", err)
		}
	}
	if got := s.reads.Load(); got != 1 {
		t.Errorf("%d reads immediately after a failure, want 1", got)
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

// stores returns both kinds of Store.
func stores(t *testing.T) map[string]callers.Store {
	t.Helper()
	emulator := google.New(google.Config{Now: time.Now})
	server := httptest.NewServer(emulator.Handler())
	t.Cleanup(server.Close)
	object, err := callers.OpenStore(t.Context(), "gs://p-deputy-callers/callers.yaml",
		option.WithEndpoint(server.URL+"/storage/v1/"),
		option.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: emulator.ServiceToken()})))
	if err != nil {
		t.Fatal(err)
	}
	local, err := callers.OpenStore(t.Context(), filepath.Join(t.TempDir(), "callers.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]callers.Store{"object": object, "local": local}
}

func TestStore_WriteConflicts(t *testing.T) {
	for name, s := range stores(t) {
		if _, version, err := s.Read(t.Context()); fault.KindOf(err) != fault.NotFound || version != "" {
			t.Errorf("%s, at first: %q, %v", name, version, err)
		}
		if err := s.Write(t.Context(), []byte("one"), ""); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := s.Write(t.Context(), []byte("late"), ""); fault.KindOf(err) != fault.Conflict {
			t.Errorf("%s, created twice: %v", name, err)
		}
		_, first, err := s.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Write(t.Context(), []byte("two"), first); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.Write(t.Context(), []byte("stale"), first); fault.KindOf(err) != fault.Conflict {
			t.Errorf("%s, over a newer version: %v", name, err)
		}
		if text, _, err := s.Read(t.Context()); err != nil || string(text) != "two" {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
}

func TestCheckLocation(t *testing.T) {
	for location, valid := range map[string]bool{
		"gs://p-deputy-callers/callers.yaml": true, "/etc/deputy/callers.yaml": true,
		"callers.yaml": false, "gs://x": false, "gs://P/x": false, "gs://bucket/": false, "": false,
		"https://evil.example/callers.yaml": false,
	} {
		if err := callers.CheckLocation(location); (err == nil) != valid {
			t.Errorf("%q: %v", location, err)
		}
	}
}

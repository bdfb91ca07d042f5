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

// shelf is a store of one text, which may fail.
type shelf struct {
	mu    sync.Mutex
	text  string
	err   error
	reads atomic.Int64
	hold  chan struct{} // a reading waits for it
}

func (s *shelf) Read(context.Context) ([]byte, string, error) {
	s.reads.Add(1)
	if s.hold != nil {
		<-s.hold
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return []byte(s.text), "1", s.err
}

func (s *shelf) Write(context.Context, []byte, string) error {
	return errors.New("functions write nothing")
}

func (s *shelf) says(text string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text, s.err = text, err
}

// file is a File on a shelf, with a clock to turn.
func file(t *testing.T) (f *callers.File, s *shelf, ahead *atomic.Int64, log *strings.Builder) {
	t.Helper()
	s, ahead, log = &shelf{text: good}, &atomic.Int64{}, &strings.Builder{}
	start := time.Now()
	return callers.NewFile(s, logging.NewText(log), func() time.Time { return start.Add(time.Duration(ahead.Load())) }), s, ahead, log
}

func TestAFileThatCannotBeReadCountsForTenMinutesAndThenNobodyKnows(t *testing.T) {
	for name, broken := range map[string]func(*shelf){
		"away":     func(s *shelf) { s.says("", fault.New(fault.Unavailable, fault.None)) },
		"gone":     func(s *shelf) { s.says("", fault.New(fault.NotFound, fault.None)) },
		"no YAML":  func(s *shelf) { s.says("callers: [", nil) },
		"not ours": func(s *shelf) { s.says("callers: [{id: X}]", nil) },
	} {
		f, s, ahead, log := file(t)
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
		if !strings.Contains(log.String(), "the file of callers cannot be read") {
			t.Errorf("%s: no alarm", name)
		}
		s.says(good, nil)
		ahead.Store(int64(12 * time.Minute))
		if _, err := f.Read(t.Context()); err != nil {
			t.Errorf("%s, mended: %v", name, err)
		}
	}
}

func TestWithoutAnyReadingNobodyIsDenied(t *testing.T) {
	f, s, _, _ := file(t)
	s.says("", fault.New(fault.Unavailable, fault.None))
	for range 3 {
		if _, err := f.Read(t.Context()); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("got %v", err)
		}
	}
	if got := s.reads.Load(); got != 1 {
		t.Errorf("%d readings at once after a failure, want 1", got)
	}
}

// An instance that slept for an hour must not act on what it read before.
func TestACallerWhoWasRemovedIsRefusedByAnInstanceThatSlept(t *testing.T) {
	f, s, ahead, _ := file(t)
	if _, err := f.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.says("callers: []", nil)
	ahead.Store(int64(time.Hour))
	if set, err := f.Read(t.Context()); err != nil || len(set.Callers) != 0 {
		t.Errorf("%v, %v", set, err)
	}
	s.says("", fault.New(fault.Unavailable, fault.None))
	ahead.Store(int64(2 * time.Hour))
	if set, err := f.Read(t.Context()); err == nil {
		t.Errorf("it slept again, and the store is away: %v", set)
	}
}

func TestAChangeCountsWithinAMinuteAndIsReadOnceForAll(t *testing.T) {
	f, s, ahead, _ := file(t)
	if _, err := f.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.says("paused: true\n", nil)
	ahead.Store(int64(59 * time.Second))
	if set, _ := f.Read(t.Context()); set.Paused || s.reads.Load() != 1 {
		t.Errorf("too early: %d readings", s.reads.Load())
	}
	ahead.Store(int64(time.Minute))
	s.hold = make(chan struct{})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if set, err := f.Read(t.Context()); err != nil || !set.Paused {
				t.Errorf("%v, %v", set, err)
			}
		})
	}
	close(s.hold)
	all.Wait()
	if got := s.reads.Load(); got != 2 {
		t.Errorf("%d readings, want 2", got)
	}
}

func TestOneWhoGivesUpDoesNotSpoilTheReading(t *testing.T) {
	f, s, _, _ := file(t)
	s.hold = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Read(ctx); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("the one who left: %v", err)
	}
	close(s.hold)
	if _, err := f.Read(t.Context()); err != nil {
		t.Errorf("the next: %v", err)
	}
}

type panics struct{ callers.Store }

func (panics) Read(context.Context) ([]byte, string, error) { panic("a bug") }

func TestAPanicInTheReadingIsAnErrorForAllWhoWait(t *testing.T) {
	f := callers.NewFile(panics{}, logging.NewText(&strings.Builder{}), time.Now)
	_, err := f.Read(t.Context())
	if _, ok := errors.AsType[*fault.Panicked](err); !ok {
		t.Errorf("got %v", err)
	}
}

// stores are both kinds of places for the file.
func stores(t *testing.T) map[string]callers.Store {
	t.Helper()
	standIn := google.New(google.Config{Now: time.Now})
	server := httptest.NewServer(standIn.Handler())
	t.Cleanup(server.Close)
	bucket, err := callers.OpenStore(t.Context(), "gs://p-deputy-callers/callers.yaml", option.WithEndpoint(server.URL+"/storage/v1/"),
		option.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: standIn.ServiceToken()})))
	if err != nil {
		t.Fatal(err)
	}
	path, err := callers.OpenStore(t.Context(), filepath.Join(t.TempDir(), "callers.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]callers.Store{"a bucket": bucket, "a path": path}
}

func TestAWriteReplacesOnlyTheVersionThatWasRead(t *testing.T) {
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
			t.Errorf("%s, over a newer one: %v", name, err)
		}
		if text, _, err := s.Read(t.Context()); err != nil || string(text) != "two" {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
}

func TestOnlyABucketOrAnAbsolutePathIsALocation(t *testing.T) {
	for location, fine := range map[string]bool{
		"gs://p-deputy-callers/callers.yaml": true, "/etc/deputy/callers.yaml": true,
		"callers.yaml": false, "gs://x": false, "gs://P/x": false, "https://evil.example/callers.yaml": false, "": false, "gs://bucket/": false,
	} {
		if err := callers.CheckLocation(location); (err == nil) != fine {
			t.Errorf("%q: %v", location, err)
		}
	}
}

package callers

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/logging"
)

const rateFile = `callers:
  - {id: ci, kind: service-account, email: ci@tools.iam.gserviceaccount.com, name: CI, actions: [sweep], rate: 20}
`

// Neither a new copy of the file nor other callers reset a caller's limit.
func TestRateLimits_KeptAcrossReads(t *testing.T) {
	var l rateLimits
	now := time.Now()
	passed := 0
	for i := range 200 {
		set, err := Parse([]byte(rateFile)) // a new copy each time
		if err != nil {
			t.Fatal(err)
		}
		c, _ := set.Caller("ci")
		if l.allow(c, now) {
			passed++
		}
		l.allow(Caller{ID: "stranger" + strconv.Itoa(i), Rate: 20}, now)
	}
	if passed != 20 {
		t.Errorf("%d of 200 passed, want 20", passed)
	}
	if c := (Caller{ID: "ci", Rate: 20}); !l.allow(c, now.Add(3*time.Second)) || l.allow(c, now.Add(3*time.Second)) {
		t.Error("a rate of 20 per minute must allow one request in three seconds")
	}
}

// A new rate in the file takes effect at once, and a caller without a rate has 600.
func TestRateLimits_Changed(t *testing.T) {
	var l rateLimits
	now := time.Now()
	for _, c := range []struct{ rate, want int }{{5, 5}, {5, 0}, {7, 7}, {0, 600}, {600, 0}} {
		passed := 0
		for range 1000 {
			if l.allow(Caller{ID: "ci", Rate: c.rate}, now) {
				passed++
			}
		}
		if passed != c.want {
			t.Errorf("rate %d: %d passed, want %d", c.rate, passed, c.want)
		}
	}
}

func TestFindServiceAccount(t *testing.T) {
	s := &Set{Callers: []Caller{{ID: "a", Email: "x@p.iam.gserviceaccount.com"}, {ID: "b", UniqueID: "109"}}}
	if got := s.findServiceAccount("109", "x@p.iam.gserviceaccount.com"); len(got) != 2 {
		t.Errorf("got %v", got)
	}
	if got := s.findServiceAccount("110", "x@p.iam.gserviceaccount.com"); len(got) != 1 || got[0].ID != "a" {
		t.Errorf("got %v", got)
	}
	both := &Set{Callers: []Caller{{ID: "a", Email: "x@p.iam.gserviceaccount.com", UniqueID: "109"}}}
	if got := both.findServiceAccount("110", "x@p.iam.gserviceaccount.com"); len(got) != 0 {
		t.Errorf("a reused address matches the old account: %v", got)
	}
}

type unavailableStore struct{ Store }

func (unavailableStore) Read(context.Context) ([]byte, string, error) {
	return nil, "", fault.New(fault.Unavailable, fault.NoText)
}

func TestFile_Reachable(t *testing.T) {
	ok := func(context.Context) error { return nil }
	log := logging.NewText(&strings.Builder{})
	if err := NewFile(unavailableStore{}, log, time.Now).WithReadCheck(ok)(t.Context()); err == nil {
		t.Error("ready without the file")
	}
	errStore := errors.New("no store")
	failing := func(context.Context) error { return errStore }
	if err := NewFile(unavailableStore{}, log, time.Now).WithReadCheck(failing)(t.Context()); !errors.Is(err,
		errStore) {
		t.Errorf("got %v", err)
	}
}

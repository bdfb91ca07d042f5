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

const limited = "callers:\n  - {id: ci, kind: service-account, email: ci@tools.iam.gserviceaccount.com, name: CI, actions: [sweep], rate: 20}\n"

// S16: a new reading of the file, or strangers, must not give a caller its rate
// anew.
func TestACallersRateOutlivesReadingsAndStrangers(t *testing.T) {
	var l limits
	now := time.Now()
	passed := 0
	for i := range 200 {
		set, err := Parse([]byte(limited)) // a new reading each time
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
		t.Error("a rate of 20 in a minute is not one in three seconds")
	}
}

func TestATokenThatFitsTwoEntriesIsNobodys(t *testing.T) {
	s := &Set{Callers: []Caller{{ID: "a", Email: "x@p.iam.gserviceaccount.com"}, {ID: "b", UniqueID: "109"}}}
	if got := s.serviceAccount("109", "x@p.iam.gserviceaccount.com"); len(got) != 2 {
		t.Errorf("got %v", got)
	}
	if got := s.serviceAccount("110", "x@p.iam.gserviceaccount.com"); len(got) != 1 || got[0].ID != "a" {
		t.Errorf("got %v", got)
	}
	both := &Set{Callers: []Caller{{ID: "a", Email: "x@p.iam.gserviceaccount.com", UniqueID: "109"}}}
	if got := both.serviceAccount("110", "x@p.iam.gserviceaccount.com"); len(got) != 0 {
		t.Errorf("an address that was made again is taken for the first: %v", got)
	}
}

type away struct{ Store }

func (away) Read(context.Context) ([]byte, string, error) {
	return nil, "", fault.New(fault.Unavailable, fault.None)
}

func TestReadinessNeedsTheFile(t *testing.T) {
	fine := func(context.Context) error { return nil }
	log := logging.NewText(&strings.Builder{})
	if err := NewFile(away{}, log, time.Now).Reachable(fine)(t.Context()); err == nil {
		t.Error("ready without the file")
	}
	bad := errors.New("no store")
	if err := NewFile(away{}, log, time.Now).Reachable(func(context.Context) error { return bad })(t.Context()); !errors.Is(err, bad) {
		t.Errorf("got %v", err)
	}
}

package userauth

import (
	"sync"
	"time"
)

// Mass death: when Google calls the grants of this many people dead within
// this time, and refreshes nobody's between, the fault is ours (a wrong
// client), and nothing is erased.
const (
	massDeath  = 20
	deathsTime = 5 * time.Minute
)

// deaths counts on one instance whose grants Google called dead lately. Its
// zero value is ready; it is safe for concurrent use.
type deaths struct {
	mu   sync.Mutex
	last map[string]time.Time // by person; massDeath + 1 at most
}

// tooMany notes one more death and tells whether there are too many.
func (d *deaths) tooMany(person string, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last == nil {
		d.last = map[string]time.Time{}
	}
	for who, at := range d.last {
		if now.Sub(at) > deathsTime {
			delete(d.last, who)
		}
	}
	if len(d.last) <= massDeath {
		d.last[person] = now
	}
	return len(d.last) > massDeath
}

// alive notes a refresh that succeeded: our client is not the trouble.
func (d *deaths) alive() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.last)
}

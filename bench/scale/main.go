// Command scale prints what Deputy asks of others, what that costs, and which
// limit is met first, for so many people and spaces. The numbers of an act are
// those that docs/operate.md has measured; Google's limits and prices are those
// that docs/scale.md names with their dates.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
)

// act is what one act takes (docs/operate.md, measured by a test).
type act struct {
	reads, writes float64 // of Firestore
	calls         float64 // to Google
	cpu           float64 // milliseconds, of go run ./bench
}

var (
	command = act{0, 0, 1, 0.35} // by somebody seen a minute ago
	unseen  = act{1, 0, 0, 0.2}  // what is more when they were not
	renewal = act{2, 1, 1, 0.9}  // what is more when the access token is over
	connect = act{3, 3, 1, 2.2}  // an invitation, /start and /callback
	swept   = act{5, 2, 1, 0.3}  // a sweep, every hour, besides what is due
	renewed = act{1, 2, 2, 0.9}  // a grant that nobody used, before six months are over
	system  = act{1, 3, 1, 1.3}  // a space for another system
	grantKB = 4.0                // in Firestore
	peak    = 0.2                // of a day's acts that come in its busiest hour
)

// load is what the flags say.
type load struct {
	people   float64
	spaces   float64 // in a day
	commands float64 // of a person in a day, besides
	bySystem float64 // share of the spaces
	members  float64 // of a space, past the 49 that are free
}

// limit is something of Google's that ends.
type limit struct {
	name         string
	used, most   float64
	unit, remedy string
}

func main() {
	var l load
	flag.Float64Var(&l.people, "people", 10_000, "who have connected")
	flag.Float64Var(&l.spaces, "spaces", 500, "spaces made in a day")
	flag.Float64Var(&l.commands, "commands", 1, "other commands of a person in a day")
	flag.Float64Var(&l.bySystem, "systems", 0.5, "share of the spaces that other systems make")
	flag.Float64Var(&l.members, "members", 0, "members of a space past the first 49, on average")
	flag.Parse()
	if l.people < 0 || l.spaces < 0 || l.commands < 0 || l.bySystem < 0 || l.bySystem > 1 || l.members < 0 {
		fmt.Fprintln(os.Stderr, "scale: nothing can be less than 0, and a share not more than 1")
		os.Exit(64)
	}
	l.print(os.Stdout)
}

func (a act) times(n float64) act { return act{a.reads * n, a.writes * n, a.calls * n, a.cpu * n} }

func (a act) and(b act) act {
	return act{a.reads + b.reads, a.writes + b.writes, a.calls + b.calls, a.cpu + b.cpu}
}

// day is all of a day. Acts of a person are reckoned as far apart: each finds
// them not seen, and with an access token that is over.
func (l load) day() act {
	own := l.spaces*(1-l.bySystem) + l.people*l.commands
	out := command.and(unseen).and(renewal).times(own)
	out = out.and(system.and(renewal).times(l.spaces * l.bySystem))
	out = out.and(swept.times(24)).and(renewed.times(l.people / 150)).and(connect.times(l.people / 365))
	return out.and(act{0, 0, l.spaces * l.members, 0.2 * l.spaces * l.members})
}

// limits are those of Google's that may be met, the nearest first
// (chat-protocol.md 7, oauth-admin.md 2, Cloud Run's and Firestore's pages).
func (l load) limits() []limit {
	hour := peak / 60 // of a day's, in a minute of the busiest hour
	all := []limit{
		{"space writes of the project (Chat API)", l.spaces * hour, 60, "a minute", "ask Google for more quota; spread what systems make over the day, or use several projects, each with its own consent"},
		{"membership writes of the project", l.spaces * l.members * hour, 300, "a minute", "ask Google for more quota; add a Google group in place of many people"},
		{"message and space reads of the project", l.people * l.commands * hour, 3000, "a minute", "ask Google for more quota"},
		{"instances of chatevent (deploy.sh's most is 20, each with 40 at once)", (l.spaces*(1-l.bySystem) + l.people*l.commands) * hour / 60 * 0.25, 20 * 40, "at once", "raise the most in deploy.sh's table"},
		{"writes of Firestore in a second, to begin with", l.day().writes * hour / 60, 500, "a second", "nothing: the ids do not grow in order, and Firestore splits by itself (500, then half as much again every five minutes)"},
	}
	slices.SortFunc(all, func(a, b limit) int {
		switch x, y := a.used/a.most, b.used/b.most; {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	return all
}

// print says it. Prices are list prices of 2026 in US$: of Firestore in a
// multi-region, of Cloud Run in tier 1, billed by the request.
func (l load) print(to io.Writer) {
	d := l.day()
	month := d.times(30)
	stored := l.people * grantKB / 1e6
	requests := l.people*l.commands + l.spaces + l.people/365*3
	// An act waits some 250 ms for Google, 40 share an instance at best: reckoned
	// as each alone, which is the most it can cost.
	seconds := requests * 0.25 * 30
	firestore := month.reads/1e5*0.06 + month.writes/1e5*0.18 + stored*0.18
	run := seconds*(0.000024+0.25*0.0000025) + requests*30/1e6*0.40
	_, _ = fmt.Fprintf(to, "%.0f people, %.0f spaces and %.0f other commands a day\n\n", l.people, l.spaces, l.people*l.commands)
	_, _ = fmt.Fprintf(to, "calls to Google      %12.0f a day\nFirestore reads      %12.0f a day\nFirestore writes     %12.0f a day\nstored               %12.2f GB\nCPU of Deputy's own  %12.1f minutes a day\n\n", d.calls, d.reads, d.writes, stored, d.cpu/60_000)
	_, _ = fmt.Fprintf(to, "Firestore            %12.2f US$ a month\nCloud Run, at most   %12.2f US$ a month\n\n", firestore, run)
	_, _ = fmt.Fprintln(to, "limits of Google's, the nearest first, in the busiest hour:")
	for _, x := range l.limits() {
		mark := "    "
		if x.used > x.most {
			mark = "MET "
		}
		_, _ = fmt.Fprintf(to, "%s%7.1f %%  %s: %.1f of %.0f %s\n", mark, 100*x.used/x.most, x.name, x.used, x.most, x.unit)
	}
	first := l.limits()[0]
	_, _ = fmt.Fprintf(to, "\nThe first is %s. What then: %s.\n", first.name, first.remedy)
}

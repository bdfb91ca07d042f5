// Command scale prints Deputy's load, its cost, and the limit that is reached first, for a number of people and spaces.
// The cost of each operation is as measured in docs/operate.md. Google's limits and prices are those in docs/scale.md,
// with their dates.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
)

// cost is what an operation costs (docs/operate.md, measured by a test).
type cost struct {
	reads, writes float64 // of Firestore
	calls         float64 // to Google
	cpu           float64 // milliseconds, measured by bench
}

var (
	commandCost   = cost{0, 0, 1, 0.35} // a command of a person whose grant is cached
	uncachedCost  = cost{1, 0, 0, 0.2}  // added if the grant is not cached
	expiredCost   = cost{0, 1, 1, 0.9}  // added if the access token has expired
	connectCost   = cost{3, 4, 1, 2.2}  // an invitation, /start and /callback
	sweepCost     = cost{5, 2, 1, 0.3}  // an hourly sweep without due grants
	refreshCost   = cost{1, 2, 2, 0.9}  // an unused grant, refreshed before Google's six months
	callerCost    = cost{1, 3, 1, 1.3}  // a space for a caller
	grantKB       = 4.0                 // of a grant in Firestore
	busiestHour   = 0.2                 // share of a day's operations in its busiest hour
	refreshPeriod = 150.0               // days
)

// load holds the flags.
type load struct {
	people      float64
	spaces      float64 // a day
	commands    float64 // other commands of a person, a day
	callerShare float64 // share of the spaces that callers create
	members     float64 // of a space, beyond the first 49
}

// limit is a limit of Google's.
type limit struct {
	name      string
	used, max float64
	unit, fix string
}

func (l limit) share() float64 { return l.used / l.max }

func main() {
	var l load
	flag.Float64Var(&l.people, "people", 10_000, "number of connected people")
	flag.Float64Var(&l.spaces, "spaces", 500, "spaces created a day")
	flag.Float64Var(&l.commands, "commands", 1, "other commands of a person, a day")
	flag.Float64Var(&l.callerShare, "systems", 0.5, "share of the spaces that callers create, from 0 to 1")
	flag.Float64Var(&l.members, "members", 0, "members of a space beyond the first 49, on average")
	flag.Parse()
	if l.people < 0 || l.spaces < 0 || l.commands < 0 || l.callerShare < 0 || l.callerShare > 1 || l.members < 0 {
		fmt.Fprintln(os.Stderr, "scale: values must not be negative, and -systems must be at most 1")
		os.Exit(64)
	}
	l.print(os.Stdout)
}

func (c cost) times(n float64) cost { return cost{c.reads * n, c.writes * n, c.calls * n, c.cpu * n} }

func (c cost) plus(d cost) cost {
	return cost{c.reads + d.reads, c.writes + d.writes, c.calls + d.calls, c.cpu + d.cpu}
}

// personal returns the number of operations that people start in a day.
func (l load) personal() float64 { return l.spaces*(1-l.callerShare) + l.people*l.commands }

// day returns the cost of a day. It assumes the worst case for operations of a
// person: the grant is never cached, and the access token has always expired.
func (l load) day() cost {
	out := commandCost.plus(uncachedCost).plus(expiredCost).times(l.personal())
	out = out.plus(callerCost.plus(expiredCost).times(l.spaces * l.callerShare))
	out = out.plus(sweepCost.times(24)).plus(refreshCost.times(l.people / refreshPeriod))
	out = out.plus(connectCost.times(l.people / 365)) // each person connects once a year
	return out.plus(cost{0, 0, l.spaces * l.members, 0.2 * l.spaces * l.members})
}

// limits returns Google's limits, the nearest first (workspace/chat/limits,
// identity/protocols/oauth2/resources/best-practices, the pages of Cloud Run and Firestore).
func (l load) limits() []limit {
	perMinute := busiestHour / 60 // share of a day in a minute of its busiest hour
	all := []limit{
		{
			"space writes of the project (Chat API)", l.spaces * perMinute, 60, "a minute",
			"ask Google for more quota; spread the spaces of callers over the day, or use several projects," +
				" each with its own consent",
		},
		{
			"membership writes of the project", l.spaces * l.members * perMinute, 300, "a minute",
			"ask Google for more quota; add a Google group instead of many people",
		},
		{
			"message and space reads of the project", l.people * l.commands * perMinute, 3000, "a minute",
			"ask Google for more quota",
		},
		{
			"instances of chatevent (at most 20 in deploy.sh, each with 40 requests)",
			l.personal() * perMinute / 60 * secondsPerOp, 20 * 40, "at once",
			"raise the maximum in deploy.sh's table",
		},
		{
			"first writes of Firestore in a second", l.day().writes * perMinute / 60, 500, "a second",
			"nothing: IDs are not sequential, so Firestore splits by itself (500, then 50 % more every five minutes)",
		},
	}
	slices.SortFunc(all, func(a, b limit) int { return cmp.Compare(b.share(), a.share()) })
	return all
}

// secondsPerOp is the time that an operation waits for Google.
const secondsPerOp = 0.25

// print prints the load and its cost. Prices are list prices of 2026 in US$:
// Firestore in a multi-region, Cloud Run in tier 1 with request-based billing.
func (l load) print(w io.Writer) {
	day := l.day()
	month := day.times(30)
	storedGB := l.people * grantKB / 1e6
	requests := l.people*l.commands + l.spaces + l.people/365*3
	// As many as 40 operations share an instance. Counting each alone gives the highest cost.
	seconds := requests * secondsPerOp * 30
	firestore := month.reads/1e5*0.06 + month.writes/1e5*0.18 + storedGB*0.18
	run := seconds*(0.000024+0.25*0.0000025) + requests*30/1e6*0.40
	printf := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	printf("%.0f people, %.0f spaces and %.0f other commands a day\n\n", l.people, l.spaces, l.people*l.commands)
	printf("calls to Google      %12.0f a day\n", day.calls)
	printf("Firestore reads      %12.0f a day\n", day.reads)
	printf("Firestore writes     %12.0f a day\n", day.writes)
	printf("stored               %12.2f GB\n", storedGB)
	printf("CPU of Deputy        %12.1f minutes a day\n\n", day.cpu/60_000)
	printf("Firestore            %12.2f US$ a month\n", firestore)
	printf("Cloud Run, at most   %12.2f US$ a month\n\n", run)
	printf("Google's limits, the nearest first, in the busiest hour:\n")
	for _, x := range l.limits() {
		mark := "    "
		if x.used > x.max {
			mark = "OVER"
		}
		printf("%s%7.1f %%  %s: %.1f of %.0f %s\n", mark, 100*x.share(), x.name, x.used, x.max, x.unit)
	}
	first := l.limits()[0]
	printf("\nThe first is %s. What to do: %s.\n", first.name, first.fix)
}

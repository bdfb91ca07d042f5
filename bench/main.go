// Command bench measures Deputy as deployed: the buildpack's binary, real token verification, TLS to emulators under
// Google's names, and Google's Firestore emulator. It alternates each function with a baseline that does the least work
// for the same task, so that the ratios hardly depend on the machine.
//
//	go run ./bench              everything but the growth run, some minutes
//	go run ./bench -growth 1000000
//
// docs/performance.md has its last results.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
)

// plan holds the flags.
type plan struct {
	people, rounds, ops int
	seconds             int
	starts              int
	growth              int
	only                string
	profileDir          string
}

// packages returns the packages to link into the function's binary.
func (p plan) packages() []string {
	if p.profileDir == "" {
		return nil
	}
	return []string{"example.com/deputy/bench/profiled"}
}

func (p plan) includes(part string) bool { return p.only == "" || strings.Contains(p.only, part) }

func main() {
	var p plan
	flag.IntVar(&p.people, "people", 10_000, "number of connected people")
	flag.IntVar(&p.rounds, "rounds", 9, "alternating rounds for each ratio")
	flag.IntVar(&p.ops, "ops", 400, "operations in a round")
	flag.IntVar(&p.seconds, "seconds", 20, "duration of the open loop, in seconds")
	flag.IntVar(&p.starts, "starts", 20, "number of cold starts")
	flag.IntVar(&p.growth, "growth", 0, "events after which memory is compared; 0 skips it")
	flag.StringVar(&p.only, "only", "", "measure only cpu, latency, start or growth")
	flag.StringVar(&p.profileDir, "profile", "",
		"write CPU profiles of cached events, prompts and creates to this directory, and measure nothing else")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	missed, err := run(ctx, p)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if missed > 0 {
		fmt.Printf("\n%d targets are missed; see docs/performance.md.\n", missed)
	}
}

// run measures and returns the number of missed targets.
func run(ctx context.Context, p plan) (int, error) {
	if runtime.GOOS != "linux" {
		return 0, errors.New("cannot read CPU time and memory: /proc exists only on Linux")
	}
	fmt.Printf("%s, %d cores, %d people; %d rounds of %d operations\n\n",
		runtime.Version(), runtime.NumCPU(), p.people, p.rounds, p.ops)
	b, err := openTestbed(ctx, p)
	if err != nil {
		return 0, err
	}
	defer b.close()
	if p.profileDir != "" {
		return 0, writeProfiles(ctx, b, p)
	}
	r := &report{}
	for _, part := range []struct {
		name    string
		measure func(context.Context, *testbed, plan, *report) error
	}{{"cpu", measureRatios}, {"latency", measureLatency}, {"start", measureStarts}, {"growth", measureGrowth}} {
		if p.includes(part.name) {
			if err := part.measure(ctx, b, p, r); err != nil {
				return r.missed, fmt.Errorf("%s: %w", part.name, err)
			}
		}
	}
	return r.missed, nil
}

// report prints the result table line by line and counts missed targets.
type report struct{ missed int }

func (r *report) title(text string) { fmt.Printf("%s\n", text) }

// line prints a measurement. The target is the highest good value, 0 for none.
func (r *report) line(label string, value, target float64, unit, note string) {
	verdict := ""
	switch {
	case target > 0 && value > target:
		verdict = fmt.Sprintf("MISSED (at most %g)", target)
		r.missed++
	case target > 0:
		verdict = fmt.Sprintf("ok (at most %g)", target)
	}
	fmt.Println(strings.TrimRight(fmt.Sprintf("  %-46s %9.2f %-4s %-22s %s", label, value, unit, verdict, note), " "))
}

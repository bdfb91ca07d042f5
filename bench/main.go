// Command bench measures Deputy as deployed: the binary of the buildpack, real
// verification of tokens, TLS to stand-ins for Google under its real names, and
// Google's Firestore emulator. Each function is measured against the least work
// that the same task takes, in the same run and in turns, so that the machine
// matters little.
//
//	go run ./bench              everything but the long run, some minutes
//	go run ./bench -growth 1000000
//
// What it printed last is in docs/performance.md.
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

// plan is what the flags say.
type plan struct {
	people, rounds, acts int
	seconds              int
	starts               int
	growth               int
	only                 string
	profile              string
}

func (p plan) linked() []string {
	if p.profile == "" {
		return nil
	}
	return []string{"example.com/deputy/bench/profiled"}
}

func (p plan) wants(what string) bool { return p.only == "" || strings.Contains(p.only, what) }

func main() {
	var p plan
	flag.IntVar(&p.people, "people", 10_000, "how many have consented")
	flag.IntVar(&p.rounds, "rounds", 9, "alternating rounds of each ratio")
	flag.IntVar(&p.acts, "acts", 400, "acts in a round")
	flag.IntVar(&p.seconds, "seconds", 20, "how long the open loop goes")
	flag.IntVar(&p.starts, "starts", 20, "how many cold starts")
	flag.IntVar(&p.growth, "growth", 0, "after how many events memory is looked at again; 0 leaves it out")
	flag.StringVar(&p.only, "only", "", "cpu, latency, start or growth")
	flag.StringVar(&p.profile, "profile", "", "write CPU profiles of seen events, prompts and creates to this folder, and measure nothing else")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	missed, err := run(ctx, p)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if missed > 0 {
		fmt.Printf("\n%d targets of design section 14 are missed: docs/performance.md says by how much and why.\n", missed)
	}
}

// run measures, and says how many targets are missed.
func run(ctx context.Context, p plan) (int, error) {
	if runtime.GOOS != "linux" {
		return 0, errors.New("it reads CPU time and memory from /proc, which only Linux has")
	}
	fmt.Printf("%s, %d cores, %d people; %d rounds of %d acts\n\n", runtime.Version(), runtime.NumCPU(), p.people, p.rounds, p.acts)
	s, err := open(ctx, p)
	if err != nil {
		return 0, err
	}
	defer s.close()
	if p.profile != "" {
		return 0, profiles(ctx, s, p)
	}
	r := &report{}
	for _, part := range []struct {
		name string
		do   func(context.Context, *stage, plan, *report) error
	}{{"cpu", ratios}, {"latency", latencies}, {"start", starts}, {"growth", growth}} {
		if p.wants(part.name) {
			if err := part.do(ctx, s, p, r); err != nil {
				return r.missed, fmt.Errorf("%s: %w", part.name, err)
			}
		}
	}
	return r.missed, nil
}

// report prints lines of a table, each at once.
type report struct{ missed int }

func (r *report) title(text string) { fmt.Printf("%s\n", text) }

// line prints what was measured; most is the target, 0 for none.
func (r *report) line(what string, got, most float64, unit, more string) {
	verdict := ""
	switch {
	case most > 0 && got > most:
		verdict = fmt.Sprintf("MISSED (at most %g)", most)
		r.missed++
	case most > 0:
		verdict = fmt.Sprintf("ok (at most %g)", most)
	}
	fmt.Println(strings.TrimRight(fmt.Sprintf("  %-46s %9.2f %-4s %-22s %s", what, got, unit, verdict, more), " "))
}

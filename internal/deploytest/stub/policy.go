package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// open turns off the invoker check of a service unless the organization forbids it.
func (s *state) open(service string) {
	if os.Getenv("STUB_POLICY") == "invoker" {
		fail("FAILED_PRECONDITION: Constraint constraints/run.managed.requireInvokerIam violated")
	}
	s.Things["open "+service] = "true"
}

// fail ends the call with an error, as gcloud does.
func fail(message string) {
	fmt.Fprintln(os.Stderr, "ERROR: (gcloud) "+message)
	os.Exit(1)
}

// names returns the names of all resources of a kind.
func (s *state) names(kind string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(s.Things)) {
		if rest, ok := strings.CutPrefix(name, kind); ok {
			out = append(out, strings.TrimPrefix(kind, "index ")+rest)
		}
	}
	if strings.HasPrefix(kind, "api ") {
		for i := range out {
			_, out[i], _ = strings.Cut(out[i], " ")
		}
	}
	return out
}

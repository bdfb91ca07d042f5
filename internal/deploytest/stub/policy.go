package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// open lets everybody call a service, if the organization does not forbid that.
func (s *state) open(service string) {
	if os.Getenv("STUB_POLICY") == "invoker" {
		refuse("FAILED_PRECONDITION: Constraint constraints/run.managed.requireInvokerIam violated")
	}
	s.Things["open "+service] = "true"
}

// refuse ends the call as gcloud does.
func refuse(why string) {
	fmt.Fprintln(os.Stderr, "ERROR: (gcloud) "+why)
	os.Exit(1)
}

// names are the names of all things of a kind.
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

package seal_test

import (
	"testing"

	"example.com/deputy/shared/seal"
)

// docs/performance.md says how to compare results with benchstat.
func BenchmarkSealAndOpen(b *testing.B) {
	keyset, lookup, err := seal.Generate()
	if err != nil {
		b.Fatal(err)
	}
	keys, err := seal.New(keyset, lookup, "project", "client")
	if err != nil {
		b.Fatal(err)
	}
	place := seal.Place{Purpose: "grant", Collection: "grants", Document: "1", Field: "access"}
	token := make([]byte, 250)
	b.ReportAllocs()
	for b.Loop() {
		sealed, err := keys.Seal(token, place)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := keys.Open(sealed, place); err != nil {
			b.Fatal(err)
		}
	}
}

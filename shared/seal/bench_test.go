package seal_test

import (
	"testing"

	"example.com/deputy/shared/seal"
)

// Compared with benchstat, as docs/performance.md says.
func BenchmarkSealAndOpen(b *testing.B) {
	keyset, lookup, err := seal.Generate()
	if err != nil {
		b.Fatal(err)
	}
	keys, err := seal.New(keyset, lookup, "project", "client")
	if err != nil {
		b.Fatal(err)
	}
	at, token := seal.Place{Purpose: "grant", Collection: "grants", Document: "1", Field: "access"}, make([]byte, 250)
	b.ReportAllocs()
	for b.Loop() {
		sealed, err := keys.Seal(token, at)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := keys.Open(sealed, at); err != nil {
			b.Fatal(err)
		}
	}
}

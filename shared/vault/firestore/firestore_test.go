package firestore_test

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/firestore"
)

func TestFirestoreKeepsTheContractOfDocs(t *testing.T) {
	if os.Getenv("FIRESTORE_EMULATOR_HOST") == "" {
		t.Skip("NOT TESTED: vault/firestore. No FIRESTORE_EMULATOR_HOST; ./test.sh starts Google's emulator when it finds it")
	}
	vaulttest.Run(t, func(t *testing.T) vault.Docs {
		t.Helper()
		// A project of its own for each test: the emulator keeps them apart.
		docs, err := firestore.New(t.Context(), firestore.Setting{Project: "test-" + strings.ToLower(rand.Text()[:10]), Database: "(default)"})
		if err != nil {
			t.Fatal(err)
		}
		return docs
	})
}

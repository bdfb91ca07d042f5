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

func TestDocs_Contract(t *testing.T) {
	if os.Getenv("FIRESTORE_EMULATOR_HOST") == "" {
		t.Skip("NOT TESTED: vault/firestore. FIRESTORE_EMULATOR_HOST is not set; " +
			"./test.sh starts Google's emulator if it is installed")
	}
	vaulttest.Run(t, func(t *testing.T) vault.Docs {
		t.Helper()
		// The emulator isolates projects, so each test gets its own.
		project := "test-" + strings.ToLower(rand.Text()[:10])
		docs, err := firestore.New(t.Context(), firestore.Config{Project: project, Database: "(default)"})
		if err != nil {
			t.Fatal(err)
		}
		return docs
	})
}

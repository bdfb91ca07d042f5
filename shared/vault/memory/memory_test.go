package memory_test

import (
	"testing"

	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

func TestDocs_Contract(t *testing.T) {
	vaulttest.Run(t, func(*testing.T) vault.Docs { return &memory.Docs{} })
}

package deployed

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	// The generated main links it; named here so that go.mod and go.sum have
	// all of it, and the buildpack's own tidy finds nothing to fetch.
	_ "github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
)

// generated is a main like the one the buildpack writes for functions that
// register themselves.
const generated = `package main

import (
	"log"
	"os"

	_ "example.com/deputy"
	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
)

func main() {
	if err := funcframework.StartHostPort("127.0.0.1", os.Getenv("PORT")); err != nil {
		log.Fatal(err)
	}
}
`

// Build makes the one binary of the module at root, in a folder of its own,
// which is the caller's to remove. The main exists only in an overlay, so the
// tree stays as it is.
// Packages in with are linked, too.
func Build(root string, with ...string) (string, error) {
	dir, err := os.MkdirTemp("", "deputy")
	if err != nil {
		return "", err
	}
	at, err := filepath.Abs(filepath.Join(root, "serverless_function_source_code", "main.go"))
	if err != nil {
		return "", err
	}
	source, overlay, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "deputy")
	main := generated
	for _, path := range with {
		main = strings.Replace(main, "import (\n", "import (\n\t_ \""+path+"\"\n", 1)
	}
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{at: source}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(source, []byte(main), 0o600); err != nil {
		return "", err
	}
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-overlay", overlay, "-o", binary, "./serverless_function_source_code")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return binary, nil
}

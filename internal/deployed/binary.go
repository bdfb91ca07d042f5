package deployed

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	// The generated main imports it. This import keeps it in go.mod and go.sum, so
	// that go mod tidy in the buildpack has nothing to fetch.
	_ "github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
)

// mainSource is like the main that the buildpack generates for functions that register themselves.
const mainSource = `package main

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

// Build builds the binary of the module at root into a new directory, which the
// caller must remove, and returns the binary's path. It also links the extra packages.
// The main file exists only in an overlay, so the source tree does not change.
func Build(root string, extra ...string) (string, error) {
	dir, err := os.MkdirTemp("", "deputy")
	if err != nil {
		return "", err
	}
	mainPath, err := filepath.Abs(filepath.Join(root, "serverless_function_source_code", "main.go"))
	if err != nil {
		return "", err
	}
	source, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "deputy")
	overlay := filepath.Join(dir, "overlay.json")
	main := mainSource
	for _, path := range extra {
		main = strings.Replace(main, "import (\n", "import (\n\t_ \""+path+"\"\n", 1)
	}
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{mainPath: source}})
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

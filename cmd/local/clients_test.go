package main

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var clients = flag.String("clients", "", "`folder` with the generators of API clients, for TestClients")

// made is what a program with a generated client prints.
type made struct {
	Name, Again, Problem string
	Planned              int
}

// Clients that common generators make from the document compile, create a space, plan one, read the same answer for the
// same key, and read a problem. ./test.sh --release runs it, because it needs Node.js and 130 MB of packages.
func TestClients(t *testing.T) {
	if *clients == "" {
		t.Skip("NOT TESTED: generated API clients; ./test.sh --release runs them")
	}
	folder, err := filepath.Abs(*clients)
	if err != nil {
		t.Fatal(err)
	}
	w := newConnectedWorld(t)
	base := w.address + "/createspace"
	env := append(os.Environ(), "BASE="+base, "TOKEN="+strings.TrimPrefix(w.callerToken(nil), "Bearer "))
	out := t.TempDir()
	run := func(t *testing.T, dir, program string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, args...) //nolint:gosec // of this test
		var stderr strings.Builder
		cmd.Dir, cmd.Env, cmd.Stderr = dir, env, &stderr
		text, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s %q: %v: %s%s", program, args, err, text, &stderr)
		}
		return string(text)
	}
	check := func(t *testing.T, generator, printed string) {
		t.Helper()
		var got made
		if err := json.Unmarshal([]byte(printed), &got); err != nil {
			t.Fatalf("%v: %s", err, printed)
		}
		if !strings.HasPrefix(got.Name, "spaces/") || got.Again != got.Name || got.Planned == 0 ||
			got.Problem != "urn:deputy:problem:key_reused" {
			t.Errorf("%+v", got)
		}
		if n := strings.Count(strings.Join(w.spaces(ada), "\n")+"\n", "Made by "+generator+"\n"); n != 1 {
			t.Errorf("%d spaces", n)
		}
	}
	if err := os.CopyFS(out, os.DirFS(filepath.Join(folder, "programs"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(folder, "node_modules"), filepath.Join(out, "node_modules")); err != nil {
		t.Fatal(err)
	}
	run(t, folder, "node", "generate.mjs", out, base)
	run(t, out, filepath.Join(folder, "node_modules/.bin/tsc"), "-p", ".")
	for _, generator := range []string{
		"openapi-typescript", "openapi-zod-client", "swagger-typescript-api", "orval", "hey-api", "postman",
	} {
		t.Run(generator, func(t *testing.T) {
			program := "js/" + generator + ".js"
			if generator == "postman" {
				program = "postman.mjs"
			}
			check(t, generator, run(t, out, "node", program))
		})
	}
	t.Run("oapi-codegen", func(t *testing.T) {
		dir := t.TempDir()
		writeGoClient(t, dir, folder)
		run(t, "../..", "go", "tool", "-modfile=tools/go.mod", "oapi-codegen", "-generate", "types,client,skip-prune",
			"-package", "deputy", "-o", filepath.Join(dir, "deputy/client.go"), "shared/api/openapi.yaml")
		check(t, "oapi-codegen", run(t, dir, "go", "run", "-mod=mod", "."))
	})
}

// writeGoClient writes a module with the program in folder and with Deputy's own versions of its dependencies.
func writeGoClient(t *testing.T, dir, folder string) {
	t.Helper()
	for to, from := range map[string]string{
		"main.go": filepath.Join(folder, "go/main.go"), "go.mod": "../../go.mod", "go.sum": "../../go.sum",
	} {
		text, err := os.ReadFile(from) //nolint:gosec // of this repository
		if err != nil {
			t.Fatal(err)
		}
		text = []byte(strings.Replace(string(text), "module example.com/deputy\n", "module example.com/client\n", 1))
		if err := os.WriteFile(filepath.Join(dir, to), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "deputy"), 0o700); err != nil {
		t.Fatal(err)
	}
}

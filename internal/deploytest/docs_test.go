package deploytest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// command is a line of a document that is to be typed.
var command = regexp.MustCompile("(?m)^(?: {4,}|`?)((?:gcloud|\\./deploy\\.sh|go run \\./cmd/[a-z]+|\\./test\\.sh) [^\\n]*?|go run \\./cmd/[a-z]+)`?$")

// typed are the commands of all documents, by document.
func typed(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "docs/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, file := range append(files, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(file) //nolint:gosec // of this repository
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range command.FindAllStringSubmatch(string(text), -1) {
			for part := range strings.SplitSeq(m[1], " | ") {
				out[filepath.Base(file)] = append(out[filepath.Base(file)], strings.TrimSpace(part))
			}
		}
	}
	return out
}

func TestGcloudUnderstandsEveryCommandOfTheDocuments(t *testing.T) {
	t.Parallel()
	needGcloud(t)
	count := 0
	for file, lines := range typed(t) {
		for _, line := range lines {
			if !strings.HasPrefix(line, "gcloud ") || strings.HasPrefix(line, "gcloud auth login") { // that one would begin
				continue
			}
			count++
			t.Run(file, func(t *testing.T) {
				t.Parallel()
				if out, understood := parsed(t, slices.Concat(words(t, line)[1:], []string{"--project=my-project-1"})...); !understood {
					t.Errorf("%s: %s\n%s", file, line, out)
				}
			})
		}
	}
	if count < 6 {
		t.Errorf("only %d commands were found", count)
	}
}

func TestEveryCommandOfTheDocumentsExists(t *testing.T) {
	t.Parallel()
	deputy := filepath.Join(t.TempDir(), "deputy")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", deputy, "./cmd/deputy") //nolint:gosec // of this repository
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	count := 0
	for file, lines := range typed(t) {
		for _, line := range lines {
			args := words(t, line)
			if args[0] == "./deploy.sh" || args[0] == "go" {
				count++
			}
			switch args[0] {
			case "./deploy.sh":
				c := newCloud(t)
				for i, a := range args {
					if a == "client_secrets.json" {
						args[i] = c.client
					}
				}
				if code, out := c.deploy(append(args[1:], "--dry-run")...); code != 0 {
					t.Errorf("%s: %s: %d %s", file, line, code, out)
				}
			case "go":
				if _, err := os.Stat(filepath.Join(root, args[2])); err != nil {
					t.Errorf("%s: %s: %v", file, line, err)
				}
				if args[2] == "./cmd/deputy" {
					known(t, deputy, file, args[3:])
				}
			}
		}
	}
	if count < 10 {
		t.Errorf("only %d commands were found", count)
	}
}

// known wants the program to know a command and its flags.
func known(t *testing.T, deputy, file string, args []string) {
	t.Helper()
	sub := slices.DeleteFunc(slices.Clone(args), func(a string) bool { return strings.HasPrefix(a, "-") })
	out, err := exec.CommandContext(t.Context(), deputy, slices.Concat(sub[:min(len(sub), 2)], []string{"--help"})...).CombinedOutput() //nolint:gosec // of this repository
	if err != nil {
		t.Errorf("%s: %v: %s", file, args, out)
	}
	for _, a := range args {
		if name, _, _ := strings.Cut(a, "="); strings.HasPrefix(a, "--") && !strings.Contains(string(out), name) {
			t.Errorf("%s: %v: there is no %s", file, args, name)
		}
	}
}

func TestWhatTheDockerfileCopiesBuilds(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for _, m := range regexp.MustCompile(`(?m)^COPY ([a-z].*) (\S+)$`).FindAllStringSubmatch(string(text), -1) {
		for _, name := range strings.Fields(m[1]) {
			to := filepath.Join(folder, m[2])
			if m[2] == "./" {
				to = filepath.Join(folder, name)
			}
			if info, err := os.Stat(filepath.Join(root, name)); err != nil {
				t.Fatal(err)
			} else if !info.IsDir() {
				body, err := os.ReadFile(filepath.Join(root, name)) //nolint:gosec // of this repository
				if err == nil {
					err = os.WriteFile(to, body, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
				continue
			}
			if err := os.CopyFS(to, os.DirFS(filepath.Join(root, name))); err != nil {
				t.Fatal(err)
			}
		}
	}
	run := regexp.MustCompile(`(?m)^RUN (CGO_ENABLED=0 go build .*) -o /server (.*)$`).FindStringSubmatch(string(text))
	if run == nil {
		t.Fatal("the Dockerfile does not build")
	}
	build := exec.CommandContext(t.Context(), "bash", "-c", run[1]+" -o "+filepath.Join(folder, "server")+" "+run[2]) //nolint:gosec // of this repository
	build.Dir = folder
	if out, err := build.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	image := regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(string(text), -1)
	if len(image) != 2 || !strings.Contains(image[1][1], "distroless") || !strings.HasSuffix(image[1][1], ":nonroot") {
		t.Errorf("the image is %v", image)
	}
}

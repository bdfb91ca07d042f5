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

// command matches a line of a document that is a command.
var command = regexp.MustCompile("(?m)^(?: {4,}|`?)" +
	"((?:gcloud|\\./deploy\\.sh|go run \\./cmd/[a-z]+|\\./test\\.sh) [^\\n]*?|go run \\./cmd/[a-z]+)`?$")

// documentCommands returns the commands of all documents by document.
func documentCommands(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "docs/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, file := range append(files, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(file) //nolint:gosec // in this repository
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

func TestDocuments_GcloudCommands(t *testing.T) {
	t.Parallel()
	requireGcloud(t)
	count := 0
	for file, lines := range documentCommands(t) {
		for _, line := range lines {
			// gcloud auth login would start a login, and so would application-default login.
			if !strings.HasPrefix(line, "gcloud ") || strings.HasPrefix(line, "gcloud auth ") {
				continue
			}
			count++
			t.Run(file, func(t *testing.T) {
				t.Parallel()
				args := slices.Concat(splitWords(t, line)[1:], []string{"--project=my-project-1"})
				if out, ok := parseCommand(t, args...); !ok {
					t.Errorf("%s: %s\n%s", file, line, out)
				}
			})
		}
	}
	if count < 6 {
		t.Errorf("only %d commands were found", count)
	}
}

func TestDocuments_CommandsExist(t *testing.T) {
	t.Parallel()
	deputy := filepath.Join(t.TempDir(), "deputy")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", deputy, "./cmd/deputy") //nolint:gosec // a test path
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	count := 0
	for file, lines := range documentCommands(t) {
		for _, line := range lines {
			args := splitWords(t, line)
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
					checkCommand(t, deputy, file, args[3:])
				}
			}
		}
	}
	if count < 10 {
		t.Errorf("only %d commands were found", count)
	}
}

// checkCommand checks that deputy has a command and its flags.
func checkCommand(t *testing.T, deputy, file string, args []string) {
	t.Helper()
	names := slices.DeleteFunc(slices.Clone(args), func(a string) bool { return strings.HasPrefix(a, "-") })
	help := slices.Concat(names[:min(len(names), 2)], []string{"--help"})
	out, err := exec.CommandContext(t.Context(), deputy, help...).CombinedOutput() //nolint:gosec // in this repository
	if err != nil {
		t.Errorf("%s: %v: %s", file, args, out)
	}
	for _, a := range args {
		if name, _, _ := strings.Cut(a, "="); strings.HasPrefix(a, "--") && !strings.Contains(string(out), name) {
			t.Errorf("%s: %v: no flag %s", file, args, name)
		}
	}
}

func TestDockerfile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "cmd/server/Dockerfile"))
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
				body, err := os.ReadFile(filepath.Join(root, name)) //nolint:gosec // in this repository
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
		t.Fatal("the Dockerfile has no go build")
	}
	script := run[1] + " -o " + filepath.Join(folder, "server") + " " + run[2]
	build := exec.CommandContext(t.Context(), "bash", "-c", script) //nolint:gosec // in this repository
	build.Dir = folder
	if out, err := build.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	image := regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(string(text), -1)
	if len(image) != 2 || !strings.Contains(image[1][1], "distroless") || !strings.HasSuffix(image[1][1], ":nonroot") {
		t.Errorf("base images: %v", image)
	}
}

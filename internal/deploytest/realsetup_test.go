package deploytest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docs/setup.md, command by command: all right, and with each answer of Google's in turn.
func TestReal_SetupDocument(t *testing.T) {
	for _, a := range append([]answer{{name: "all right"}}, answers...) {
		if a.name == "not there (404)" {
			continue // of what exists: no document allows it
		}
		t.Run(a.name, func(t *testing.T) {
			inRelease(t)
			c := newRealCloud(t)
			c.useRealGo()
			lasts := a.read == ends || a.change == ends
			for i, line := range documentCommands(t)["setup.md"] {
				words := splitWords(t, line)
				switch {
				case words[0] != "./deploy.sh" || slices.Contains(words, "--help"):
					continue // a person signs in; the doctor is below
				case a.rule.Status != 0:
					c.Clear()
					a.rule.Method, a.rule.Address = "POST", regexp.MustCompile(`^([a-r]|se).*([^y]|setIamPolicy)$`)
					if strings.HasPrefix(a.name, "conflict") {
						a.rule.Address = regexp.MustCompile(`setIamPolicy$`)
					}
					a.rule.Each, a.rule.Times = true, 1
					if lasts {
						a.rule.Each, a.rule.Times = false, 0
					}
					c.Fail(a.rule)
				}
				code, out := c.runDocumented(words)
				if lasts && !strings.Contains(line, "--dry-run") && i < 4 {
					if code == 0 || !strings.Contains(out, a.advice) {
						t.Fatalf("%s: exit %d, no %q: %s", line, code, a.advice, out)
					}
					c.Clear()
					code, out = c.runDocumented(words)
				}
				wantCode := 0
				if strings.HasSuffix(line, "europe-west1") && code == 3 {
					wantCode = 3 // as the document says of the first run
				}
				if code != wantCode {
					t.Fatalf("%s: exit %d: %s", line, code, out)
				}
			}
			c.Clear()
			for _, name := range services {
				if revision, _ := c.serving("deputy-" + name); revision == "" {
					t.Errorf("%s doesn't serve", name)
				}
			}
			c.checkDoctor()
		})
	}
}

// useRealGo puts the real Go before the stub's.
func (c *realCloud) useRealGo() {
	folder := c.t.TempDir()
	program, err := exec.LookPath("go")
	if err == nil {
		err = os.Symlink(program, filepath.Join(folder, "go"))
	}
	if err != nil {
		c.t.Fatal(err)
	}
	for i, v := range c.env {
		if path, ok := strings.CutPrefix(v, "PATH="); ok {
			c.env[i] = "PATH=" + folder + ":" + path
		}
	}
}

// runDocumented runs a command of deploy.sh's in the folder where the client's file was downloaded.
func (c *realCloud) runDocumented(words []string) (code int, out string) {
	c.t.Helper()
	script, err := filepath.Abs(root + "/deploy.sh")
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.CommandContext(c.t.Context(), script, words[1:]...) //nolint:gosec // a document's arguments
	cmd.Dir, cmd.Env = filepath.Dir(c.client), c.env
	text, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		c.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

// checkDoctor runs the doctor. It can't reach the functions or Google's clock from here, which it says.
func (c *realCloud) checkDoctor() {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), "go", "run", "./cmd/deputy", "doctor", "--json",
		"--project", realProject, "--region", realRegion)
	cmd.Dir, cmd.Env = root, c.env
	text, _ := cmd.Output() // its exit status tells that it can't reach everything
	var findings []struct{ Check, State, Problem string }
	if err := json.Unmarshal(text, &findings); err != nil || len(findings) < 20 {
		c.t.Fatalf("%v: %s", err, text)
	}
	for _, f := range findings {
		isRemote := f.Check == "clock" || strings.HasPrefix(f.Check, "readiness of ")
		if f.State == "fault" != isRemote {
			c.t.Errorf("%+v", f)
		}
	}
}

package deploytest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A checkout may be in a path with blanks, read-only, and used without HOME, as in some CI systems and containers.
// (Windows can't be tried here: Git Bash, WSL. See docs/setup.md.)
func TestDeploy_OtherMachines(t *testing.T) {
	t.Parallel()
	copied, _ := copyRepository(t)
	checkout := filepath.Join(t.TempDir(), "with blanks (and more)", "deputy's checkout")
	if err := os.MkdirAll(filepath.Dir(checkout), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(copied, checkout); err != nil {
		t.Fatal(err)
	}
	const readOnly = `mount --bind "$PWD" "$PWD" && mount -o remount,bind,ro "$PWD" && cd "$PWD" || exit
		! touch x 2>/dev/null && exec bash ./deploy.sh "$@"`
	unshare := []string{"unshare", "-rm", "bash", "-c", readOnly, "-"}
	if err := exec.CommandContext(t.Context(), "unshare", "-rm", "true").Run(); err != nil { //nolint:gosec // fixed
		t.Log("NOT TESTED: a read-only checkout, because unshare -rm fails here")
		unshare = []string{"bash", "./deploy.sh"}
	}
	c := newCloud(t)
	stub, err := buildStub()
	if err != nil {
		t.Fatal(err)
	}
	tools := t.TempDir() // the stub's gcloud with the real Go
	for _, name := range []string{"gcloud", "curl", "sleep"} {
		if err := os.Symlink(filepath.Join(stub, "gcloud"), filepath.Join(tools, name)); err != nil {
			t.Fatal(err)
		}
	}
	args := slices.Concat(unshare[1:], c.allArgs())
	args = slices.DeleteFunc(args, func(a string) bool { return a == "--kms" }) // Go would call Cloud KMS
	cmd := exec.CommandContext(t.Context(), unshare[0], args...)                //nolint:gosec // a test's arguments
	cmd.Dir = checkout
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "HOME=") })
	cmd.Env = append(cmd.Env, "PATH="+tools+":"+os.Getenv("PATH"), "STUB="+c.folder, "CDPATH=/tmp")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var state struct{ Lists map[string][]string }
	text, err := os.ReadFile(filepath.Join(c.folder, "state"))
	if err == nil {
		err = json.Unmarshal(text, &state)
	}
	if err != nil {
		t.Fatal(err)
	}
	keyset := strings.Join(state.Lists["secret deputy-keyset"], " ")
	if !strings.Contains(keyset, "primaryKeyId") {
		t.Errorf("keysets: %.60q", keyset)
	}
	for _, name := range services {
		if len(state.Lists["service deputy-"+name]) != 1 {
			t.Errorf("%s isn't deployed", name)
		}
	}
}

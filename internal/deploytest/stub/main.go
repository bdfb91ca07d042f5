// Command stub replaces gcloud, go, curl and sleep on PATH in tests of deploy.sh. It records every call, keeps
// the created resources and responds as gcloud does for a project without other resources. TestReal_ runs the
// real gcloud, which takes ten times as long. The stub stays for what needs many runs (a failure at each change,
// pushes in each order), for a revision that never becomes ready, and for go, curl and sleep, which have no API
// here. STUB is the directory of its state. STUB_FAIL is the number of the change that fails, STUB_TROUBLE a
// text whose calls fail, STUB_UNREADY a service that never becomes ready, and STUB_POLICY a policy of the
// organization.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// state is the simulated project.
type state struct {
	Changes int
	Things  map[string]string   // resources by kind and name
	Lists   map[string][]string // revisions of a service, newest first; versions of a secret
}

func main() {
	folder := os.Getenv("STUB")
	program, args := filepath.Base(os.Args[0]), os.Args[1:]
	recordCall(folder, append([]string{program}, args...))
	if trouble := os.Getenv("STUB_TROUBLE"); trouble != "" && strings.Contains(strings.Join(args, " "), trouble) {
		fmt.Fprintln(os.Stderr, "ERROR: (gcloud) UNAVAILABLE: The service is currently unavailable.")
		os.Exit(1)
	}
	switch program {
	case "go": // deputy keys new or crane digest
		if args[len(args)-2] == "digest" {
			fmt.Println("sha256:" + strings.Repeat("0", 64))
			return
		}
		keyset := "KEYSET-" + strings.Join(args[2:], "-")
		if slices.Contains(args, "--kek") {
			keyset = `{"encryptedKeyset":"` + keyset + `"}`
		}
		fmt.Println(keyset)
	case "sleep":
	case "curl":
		curl(args)
	default:
		s := load(folder)
		out, ok := s.gcloud(call(args))
		s.save(folder)
		if !ok {
			fmt.Fprintln(os.Stderr, "ERROR: (gcloud) NOT_FOUND: "+out)
			os.Exit(1)
		}
		if out != "" {
			fmt.Println(out)
		}
	}
}

func recordCall(folder string, args []string) {
	name := filepath.Join(folder, "calls")
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // path from the test
	check(err)
	line, err := json.Marshal(args)
	check(err)
	_, err = f.Write(append(line, '\n'))
	check(err)
	check(f.Close())
}

func load(folder string) *state {
	s := &state{Things: map[string]string{}, Lists: map[string][]string{}}
	text, err := os.ReadFile(filepath.Join(folder, "state")) //nolint:gosec // path from the test
	if err == nil {
		check(json.Unmarshal(text, s))
	}
	return s
}

func (s *state) save(folder string) {
	text, err := json.Marshal(s)
	check(err)
	check(os.WriteFile(filepath.Join(folder, "state"), text, 0o600)) //nolint:gosec // path from the test
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "stub:", err)
		os.Exit(99)
	}
}

// curl responds to /ready with STUB_READY (default 200) and to an event with STUB_EVENT (default 401).
func curl(args []string) {
	status, _ := strconv.Atoi(os.Getenv("STUB_READY"))
	if slices.Contains(args, "POST") {
		status, _ = strconv.Atoi(os.Getenv("STUB_EVENT"))
		if status == 0 {
			status = 401
		}
		fmt.Print(status)
		return
	}
	if status != 0 && status != 200 {
		fmt.Fprintln(os.Stderr, "curl: (22) The requested URL returned error:", status)
		os.Exit(22)
	}
	fmt.Println("ready")
}

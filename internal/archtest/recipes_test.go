package archtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// scratch is a copy of this repository, which a test changes.
type scratch struct {
	t   *testing.T
	dir string
}

func newScratch(t *testing.T) *scratch {
	t.Helper()
	s := &scratch{t, t.TempDir()}
	ls := exec.CommandContext(t.Context(), "git", "-C", "../..", "ls-files", "-co", "--exclude-standard")
	list, err := ls.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(string(list)) {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if os.IsNotExist(err) { // deleted and not committed
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		s.write(name, string(text))
	}
	s.run("git", "init", "-q")
	s.commit()
	return s
}

func (s *scratch) commit() {
	s.t.Helper()
	s.run("git", "add", "-A")
	s.run("git", "-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-q", "--allow-empty", "-m", "x")
}

func (s *scratch) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil { //nolint:gosec // deploy.sh must be executable
		s.t.Fatal(err)
	}
}

// insert inserts a text before the first place where a file has mark.
func (s *scratch) insert(name, mark, text string) {
	s.t.Helper()
	old := readFile(s.t, filepath.Join(s.dir, name))
	if !strings.Contains(old, mark) {
		s.t.Fatalf("%s has no %q", name, mark)
	}
	s.write(name, strings.Replace(old, mark, text+mark, 1))
}

func (s *scratch) run(program string, args ...string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), program, args...) //nolint:gosec // fixed commands
	cmd.Dir = s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
}

// changed returns the files that differ from the last commit.
func (s *scratch) changed() []string {
	s.t.Helper()
	s.run("git", "add", "-A")
	cmd := exec.CommandContext(s.t.Context(), "git", "diff", "--cached", "--name-only")
	cmd.Dir = s.dir
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Fields(string(out))
}

func (s *scratch) addTexts(key, english, chinese string) {
	s.t.Helper()
	s.insert("shared/i18n/locales/en.json", `"about.asks.text"`, `"`+key+`": "`+english+`",`+"\n  ")
	s.insert("shared/i18n/locales/zh-Hans.json", `"about.asks.text"`, `"`+key+`": "`+chinese+`",`+"\n  ")
	s.run("go", "generate", "./shared/words")
}

// recipes follow the lists of CONTRIBUTING.md, and test what they made.
var recipes = map[string]func(*scratch){
	"Add a command": func(s *scratch) {
		s.addTexts("help.ping", "Show whether Deputy is there", "显示 Deputy 是否在线")
		s.write("functions/chatevent/ping.go", `package chatevent

import (
	"context"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/words"
)

func ping(_ context.Context, v *view, _ invocation) (chat.Reply, error) {
	v.text(words.HelpPing)
	return v.reply(words.HelpPing)
}
`)
		s.insert("functions/chatevent/command.go", "		{\n			101,",
			"		{12, \"/ping\", none, \"Show whether Deputy is there\", words.HelpPing, nil, ping},\n")
		s.insert("cmd/local/surface_test.go", `	"/spaces": {`,
			"	\"/ping\": {do: say(\"/ping\"), success: \"Show whether Deputy is there\"},\n")
		s.run("go", "test", "./functions/chatevent", "-run", "Setup", "-args", "-update")
		s.run("go", "test", "./functions/chatevent", "./shared/words", "./shared/i18n")
		s.run("go", "test", "./cmd/local", "-run", "TestCommands_")
	},
	"Add an API operation": func(s *scratch) {
		s.insert("shared/api/openapi.yaml", "components:\n", `  /v1/ping:
    get:
      operationId: ping
      tags: [Operator]
      summary: Read whether Deputy is there
      description: Needs the action templates.read.
      responses:
        "204":
          description: It is
        "4XX":
          $ref: "#/components/responses/failed"
        "5XX":
          $ref: "#/components/responses/failed"
`)
		s.run("go", "generate", "./shared/api")
		s.write("functions/createspace/ping.go", `package createspace

import (
	"context"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/callers"
)

func (server) Ping(ctx context.Context, _ api.PingRequestObject) (api.PingResponseObject, error) {
	return api.Ping204Response{}, stateFrom(ctx).caller.AllowAction(callers.ReadTemplates)
}
`)
		s.insert("functions/createspace/document_test.go", `	"sweep": `,
			"	\"ping\": {204, \"GET\", \"/v1/ping\", \"\"},\n")
		s.insert("cmd/local/reference_test.go", `"sweep", `, `"ping", `)
		s.insert("docs/api.md", "## The sweep\n", "## Ping\n\n```sh\n"+
			`curl -sS --fail-with-body "$DEPUTY/v1/ping" -H "Authorization: Bearer $TOKEN"`+"\n```\n\n")
		s.run("go", "test", "./shared/api", "./functions/createspace")
		s.run("go", "test", "./cmd/local", "-run", "TestReference_|TestCurl")
	},
	"Add a store": func(s *scratch) {
		store := readFile(s.t, "../../shared/vault/memory/memory.go")
		s.write("shared/vault/ram/ram.go", strings.ReplaceAll(store, "package memory", "package ram"))
		s.write("shared/vault/ram/ram_test.go", `package ram_test

import (
	"testing"

	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/ram"
)

func TestDocs_Contract(t *testing.T) {
	vaulttest.Run(t, func(*testing.T) vault.Docs { return &ram.Docs{} })
}
`)
		s.insert("internal/archtest/arch_test.go", `	"shared/vault/memory": {`,
			"	\"shared/vault/ram\": {\"shared/fault\", \"shared/vault\"},\n")
		s.run("go", "test", "./shared/vault/ram")
		s.run("go", "test", "./internal/archtest", "-run", "TestImports")
	},
	"Add a language": func(s *scratch) {
		s.write("shared/i18n/locales/it.json", readFile(s.t, "../../shared/i18n/locales/en.json"))
		forms := regexp.MustCompile(`"other": ("[^"]*(?:\\"[^"]*)*")`) // Italian has the form many, too
		text := forms.ReplaceAllString(readFile(s.t, filepath.Join(s.dir, "shared/i18n/locales/it.json")),
			`"many": $1, "other": $1`)
		s.write("shared/i18n/locales/it.json", strings.Replace(text, `"Enter a name for the space."`,
			`"Inserisci un nome per lo spazio."`, 1))
		s.run("go", "test", "./shared/i18n", "./functions/chatevent")
	},
	"Add a Google API": func(s *scratch) {
		s.addTexts("capability.read_tasks", "See your tasks", "查看您的任务")
		s.write("shared/tasks/tasks.go", `// Package tasks reads tasks as a person.
package tasks

import "example.com/deputy/shared/capability"

// Needed is what it needs.
const Needed = capability.ReadTasks
`)
		s.insert("shared/capability/capability.go", `	AdminSpaces    Capability =`,
			"	ReadTasks      Capability = \"ReadTasks\"\n")
		s.insert("shared/capability/capability.go", `	{AdminSpaces, words`,
			"	{ReadTasks, words.CapabilityReadTasks, none, []string{prefix + \"tasks.readonly\"}},\n")
		s.insert("shared/api/openapi.yaml", "AdminSpaces, AdminMembers", "ReadTasks, ")
		s.run("go", "generate", "./shared/api")
		s.insert("internal/archtest/arch_test.go", `	"shared/text": {},`,
			"	\"shared/tasks\": {\"shared/capability\"},\n")
		s.run("go", "test", "./functions/chatevent", "-run", "Setup", "-args", "-update")
		s.run("go", "test", "./shared/capability", "./shared/tasks", "./shared/words", "./functions/chatevent")
		s.run("go", "test", "./cmd/local", "-run", "TestOpenAPI_")
		s.run("go", "test", "./internal/archtest", "-run", "TestImports")
	},
}

// The lists of CONTRIBUTING.md name every file that a change touches, and no other.
func TestContributing_Recipes(t *testing.T) {
	if os.Getenv("TEST_ALL") == "" {
		t.Skip("NOT TESTED: the recipes of CONTRIBUTING.md; ./test.sh --all follows them")
	}
	text := readFile(t, "../../CONTRIBUTING.md")
	s := newScratch(t)
	sections := regexp.MustCompile(`(?m)^### (.*)$`).FindAllStringSubmatch(text, -1)
	if len(sections) != len(recipes) {
		t.Errorf("%d lists for %d recipes", len(sections), len(recipes))
	}
	for _, section := range sections {
		follow := recipes[section[1]]
		if follow == nil {
			t.Errorf("nothing follows %q", section[1])
			continue
		}
		_, list, _ := strings.Cut(text, section[0])
		list, _, _ = strings.Cut(list, "\n##")
		named := regexp.MustCompile("`([A-Za-z0-9_/-]+/[A-Za-z0-9_.-]+\\.[a-z]+)`").FindAllStringSubmatch(list, -1)
		follow(s)
		var patterns []*regexp.Regexp
		for _, n := range named {
			pattern := strings.NewReplacer("NAME", "[a-z]+", "TAG", "[a-z]+").Replace(regexp.QuoteMeta(n[1]))
			patterns = append(patterns, regexp.MustCompile("^"+pattern+"$"))
		}
		changed := s.changed()
		left := slices.DeleteFunc(slices.Clone(changed), func(file string) bool {
			return slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(file) })
		})
		if len(left) > 0 {
			t.Errorf("%s: not in the list: %q", section[1], left)
		}
		for i, p := range patterns {
			if !slices.ContainsFunc(changed, p.MatchString) {
				t.Errorf("%s: %s needs no change", section[1], named[i][1])
			}
		}
		s.run("git", "reset", "-q", "--hard")
	}
}

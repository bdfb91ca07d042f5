package archtest

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/messages.md")

const listAt = "../../docs/messages.md"

// message is an error text, with the kind that decides its HTTP status.
type message struct{ kind, text string }

// messages are the error texts of the program, for each audience.
type messages struct {
	english            map[string]string // the catalog: by key
	names              map[string]string // of its keys: words.X
	people             map[string]bool   // keys
	callers, operators map[message]bool
	fset               *token.FileSet
	folder             string
	constants          map[string]string // by name
}

func TestMessages(t *testing.T) {
	m := &messages{
		english: map[string]string{}, names: map[string]string{}, people: map[string]bool{},
		callers: map[message]bool{}, operators: map[message]bool{}, fset: token.NewFileSet(),
		constants: map[string]string{},
	}
	m.catalog(t)
	m.eachFile(t, m.collectConstants)
	m.eachFile(t, m.visit)
	if len(m.people) < 60 || len(m.callers) < 40 || len(m.operators) < 40 {
		t.Fatalf("found only %d, %d and %d messages", len(m.people), len(m.callers), len(m.operators))
	}
	// A message for one audience must not use the terms of another.
	command := regexp.MustCompile(`(^|\s)/[a-z]+(\s|$)`)
	field := regexp.MustCompile(`actAs|Idempotency-Key|updateMask|bearer`)
	for c := range m.callers {
		if command.MatchString(c.text) && !strings.Contains(c.text, "/openapi.yaml") {
			t.Errorf("an API problem names a command of Chat: %q", c.text)
		}
	}
	for key := range m.people {
		if field.MatchString(m.english[key]) {
			t.Errorf("%s names a field of the API: %q", key, m.english[key])
		}
	}
	want := m.document()
	if *update {
		if err := os.WriteFile(listAt, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(listAt)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/messages.md is out of date; run go test ./internal/archtest -run Messages -args -update: %s",
			diff)
	}
}

// eachFile inspects the production files that can return an error.
func (m *messages) eachFile(t *testing.T, visit func(ast.Node) bool) {
	t.Helper()
	for _, root := range []string{"../../shared", "../../functions", "../../cmd/deputy"} {
		if err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") ||
				strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".gen.go") {
				return err
			}
			file, err := parser.ParseFile(m.fset, path, nil, 0)
			if err != nil {
				return err
			}
			m.folder = filepath.ToSlash(filepath.Dir(path))
			ast.Inspect(file, visit)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// collectConstants keeps the string constants that texts are joined from.
func (m *messages) collectConstants(n ast.Node) bool {
	if spec, ok := n.(*ast.ValueSpec); ok {
		for i, name := range spec.Names {
			if i < len(spec.Values) {
				if text := m.literal(spec.Values[i]); text != "" {
					m.constants[name.Name] = text
				}
			}
		}
	}
	return true
}

// catalog reads the English texts and the names of their keys.
func (m *messages) catalog(t *testing.T) {
	t.Helper()
	source, err := os.ReadFile("../../shared/i18n/locales/en.json")
	if err != nil {
		t.Fatal(err)
	}
	var texts map[string]any
	if err := json.Unmarshal(source, &texts); err != nil {
		t.Fatal(err)
	}
	for key, value := range texts {
		if forms, ok := value.(map[string]any); ok {
			value = forms["other"]
		}
		m.english[key] = value.(string)
	}
	source, err = os.ReadFile("../../shared/words/words.gen.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`(\w+)\s+= i18n\.Key\("(.*)"\)`).FindAllStringSubmatch(string(source), -1) {
		m.names[name[1]] = name[2]
	}
	for key := range m.english { // a page or a card that says what went wrong
		group, _, _ := strings.Cut(key, ".")
		if slices.Contains([]string{"error", "page", "connect", "created", "delete", "disconnect", "form", "list"},
			group) {
			m.people[key] = true
		}
	}
}

// visit collects the texts in calls and in composite literals that make errors.
func (m *messages) visit(n ast.Node) bool {
	var parts []ast.Expr
	var name string
	switch n := n.(type) {
	case *ast.CallExpr:
		parts, name = n.Args, calledName(n)
		if name == "English" && len(parts) > 0 && !m.has(m.literal(parts[0])) {
			m.add("", m.literal(parts[0])) // not in a call or literal that has a kind
		}
	case *ast.CompositeLit:
		for _, e := range n.Elts {
			if pair, ok := e.(*ast.KeyValueExpr); ok {
				e = pair.Value
			}
			parts = append(parts, e)
		}
	default:
		return true
	}
	kind := ""
	if name == "invalid" {
		kind = "Invalid"
	}
	for _, part := range parts {
		if s, ok := part.(*ast.SelectorExpr); ok && isPackage(s.X, "fault") {
			kind = s.Sel.Name
		}
	}
	for _, part := range parts {
		switch part := part.(type) {
		case *ast.SelectorExpr:
			if isPackage(part.X, "words") && kind != "" {
				m.people[m.names[part.Sel.Name]] = true
			}
		case *ast.CallExpr:
			if calledName(part) == "English" {
				m.add(kind, m.literal(part.Args[0]))
			}
		}
	}
	if (name == "Errorf" || name == "New") && m.operator() && len(parts) > 0 {
		m.add("", m.literal(parts[0]))
	}
	return true
}

func (m *messages) operator() bool {
	return slices.ContainsFunc([]string{"cmd/deputy", "shared/config", "shared/seal", "shared/production"},
		func(folder string) bool {
			return strings.Contains(m.folder, folder)
		})
}

func (m *messages) add(kind, text string) {
	switch {
	case !strings.Contains(strings.TrimSpace(text), " "): // passes on another error
	case m.operator():
		m.operators[message{kind, text}] = true
	default:
		m.callers[message{kind, text}] = true
	}
}

// has reports whether an error with a kind has the text.
func (m *messages) has(text string) bool {
	for _, all := range []map[message]bool{m.callers, m.operators} {
		for known := range all {
			if known.text == text {
				return true
			}
		}
	}
	return false
}

func calledName(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

func isPackage(x ast.Expr, name string) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == name
}

// literal returns a string constant, which may be joined from parts.
func (m *messages) literal(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(x.Value) // it was parsed
		return text
	case *ast.BinaryExpr:
		return m.literal(x.X) + m.literal(x.Y)
	case *ast.Ident:
		return m.constants[x.Name]
	}
	return ""
}

// document is docs/messages.md.
func (m *messages) document() string {
	var b strings.Builder
	b.WriteString(`# Messages

For operators and support. After this page, you know where a text comes from, and what it tells its reader.

The errors that Deputy shows, and the texts of the pages and cards around them. A placeholder such as %s is filled in.
Written by ` + "`go test ./internal/archtest -run Messages -args -update`" + `; a test keeps it equal to the code.

## In Google Chat and in the browser

The key is that of the text in [shared/i18n/locales](../shared/i18n/locales/en.json). An error that is about the
request and not about Chat's interface can also be the detail of an HTTP API problem.

| Key | Message |
| --- | --- |
`)
	for _, key := range slices.Sorted(maps.Keys(m.people)) {
		if m.english[key] != "" {
			fmt.Fprintf(&b, "| `%s` | %s |\n", key, cell(m.english[key]))
		}
	}
	b.WriteString(`
## In problems of the HTTP API

The kind decides the problem's type and its status ([api.md](api.md#errors)). An empty kind depends on the cause.

| Kind | Detail |
| --- | --- |
`)
	rows(&b, m.callers, kindName)
	b.WriteString(`
## On the command line and in the logs

| Message |
| --- |
`)
	for _, o := range sorted(m.operators) {
		fmt.Fprintf(&b, "| %s |\n", cell(o.text))
	}
	return b.String()
}

// kindName returns a kind as the log writes it, such as not_found.
func kindName(kind string) string {
	return strings.ToLower(strings.TrimPrefix(regexp.MustCompile(`[A-Z]`).ReplaceAllString(kind, "_$0"), "_"))
}

func rows(b *strings.Builder, all map[message]bool, name func(string) string) {
	for _, m := range sorted(all) {
		fmt.Fprintf(b, "| %s | %s |\n", name(m.kind), cell(m.text))
	}
}

func sorted(all map[message]bool) []message {
	return slices.SortedFunc(maps.Keys(all), func(a, b message) int {
		return strings.Compare(a.kind+a.text, b.kind+b.text)
	})
}

// cell makes a text fit into a Markdown table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "\n", " ").Replace(text)
}

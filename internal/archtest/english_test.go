package archtest

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// banned maps phrases that a native reader stumbles over to what to write instead.
var banned = map[string]string{
	`whoever`:                    "name the noun: the operator, the caller, the person",
	`without a word`:             "by default, or silently",
	`for good`:                   "permanently",
	`(are|is|be) let be`:         "is ignored",
	`let be`:                     "ignore",
	`of (its|their) own accord`:  "automatically",
	`anew`:                       "again",
	`behind the command`:         "after the command",
	`finds? (it|them)sel(f|ves)`: "a retry is idempotent",
	`what came of`:               "the result of",
	`comes? to nothing`:          "fails",
	`not allow you this`:         "denied this request",
	`may not look`:               "isn't allowed to see",
	`take Deputy's word`:         "accept Deputy's request",
	`as it stands`:               "as shown",
	`stands there`:               "is there",
	`is at it`:                   "is in progress",
	`somebody is`:                "name the noun",
	`lies in`:                    "is in",
	`stand-ins?`:                 "emulator",
	`files? of callers`:          "callers file",
	`unticked`:                   "not selected",
	`hole`:                       "vulnerability",
	`memory does not answer`:     "the database isn't responding",
	`that time is over`:          "that time is in the past",
	`looks found a fault`:        "checks failed",
	`switches? troubles? on`:     "turns faults on",
	`all the same`:               "anyway, or delete",
	`to the letter`:              "exactly",
	`and the like`:               "name what else",
	`it shall`:                   "it must",
	`dead grants?`:               "revoked grant",
}

// scanned lists the texts that people write in this repository.
var scanned = []string{".go", ".md", ".sh", ".yaml", ".html", ".js", ".css", ".txtar"}

// eachLine calls check for every line that people wrote.
func eachLine(t *testing.T, check func(path string, number int, line string)) {
	t.Helper()
	files := 0
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() {
			if name == ".git" || name == "node_modules" || name == "corpus" || name == "fuzz" {
				return fs.SkipDir
			}
			return nil
		}
		if !slices.Contains(scanned, filepath.Ext(path)) || strings.HasSuffix(path, ".gen.go") ||
			filepath.Base(path) == "english_test.go" {
			return nil
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 1<<22)
		for number := 1; lines.Scan(); number++ {
			check(path, number, lines.Text())
		}
		files++
		return lines.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 300 {
		t.Errorf("only %d files were checked", files)
	}
}

func TestEnglish_BannedPhrases(t *testing.T) {
	var groups, insteads []string
	for phrase, instead := range banned {
		groups, insteads = append(groups,
			"("+regexp.MustCompile(`\(`).ReplaceAllString(phrase, "(?:")+")"), append(insteads, instead)
	}
	all := regexp.MustCompile(`(?i)\b(?:` + strings.Join(groups, "|") + `)\b`) // one search for each line
	eachLine(t, func(path string, number int, line string) {
		for i, found := range all.FindStringSubmatch(line) {
			if i > 0 && found != "" {
				t.Errorf("%s:%d: %q: write instead: %s", path, number, found, insteads[i-1])
			}
		}
	})
}

// A table in Markdown and HTML's inline elements cannot be wrapped.
func TestLines_Columns(t *testing.T) {
	eachLine(t, func(path string, number int, line string) {
		if columns := utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    ")); columns <= 120 {
			return
		}
		if slices.Contains([]string{".go", ".sh", ".yaml", ".js", ".css"}, filepath.Ext(path)) {
			t.Errorf("%s:%d: longer than 120 columns", path, number)
		}
	})
}

// The Op of an error names the function or type that returned it, for the log.
func TestErrorOp_NamesFunction(t *testing.T) {
	functions, ops := map[string]bool{}, map[string]string{}
	err := filepath.WalkDir("../../shared", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				functions[file.Name.Name+"."+n.Name.Name] = true
			case *ast.TypeSpec:
				functions[file.Name.Name+"."+n.Name.Name] = true
			case *ast.KeyValueExpr:
				key, isName := n.Key.(*ast.Ident)
				value, isText := n.Value.(*ast.BasicLit)
				if isName && isText && key.Name == "Op" {
					op, _ := strconv.Unquote(value.Value) // it was parsed
					ops[op] = path
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for op, path := range ops {
		if strings.Contains(op, ".") && !functions[op] {
			t.Errorf("%s: there is no function or type %s", path, op)
		}
	}
	if len(ops) < 40 {
		t.Errorf("only %d errors were checked", len(ops))
	}
}

package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// said is a literal that looks like words for people.
var said = regexp.MustCompile(`[A-Za-z']{2,}[ ,:][a-z]{2,}`)

// What these are given is for the log, for systems, or for Chat's console.
var notForPeople = []string{"New", "Errorf", "English", "alarm", "ErrorContext", "InfoContext", "WarnContext", "Handle", "panic", "refuse", "refused", "unauthenticated", "Contains", "HasSuffix", "Query", "Fields"}

func TestEveryWordThatAPersonReadsIsInTheCatalogue(t *testing.T) {
	looked := 0
	for _, folder := range []string{"functions/chatevent", "functions/oauthcallback", "shared/chat", "shared/spaces", "shared/meetings"} {
		files, err := filepath.Glob("../../" + folder + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			name := filepath.Base(path)
			if matched, _ := filepath.Match("*_test.go", name); matched || folder+"/"+name == "functions/chatevent/command.go" {
				continue // command.go: what Chat's console shows
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range literals(file) {
				if looked++; said.MatchString(text) {
					t.Errorf("%s/%s says %q itself", folder, name, text)
				}
			}
		}
	}
	if looked < 100 {
		t.Errorf("only %d literals were looked at", looked)
	}
}

// literals are the texts of a file that may reach a person.
func literals(file *ast.File) []string {
	var out []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec, *ast.Field:
			return false // paths and struct tags
		case *ast.KeyValueExpr:
			key, ok := n.Key.(*ast.Ident)
			return !ok || key.Name != "NotSetUpMarker" // what Google says
		case *ast.AssignStmt:
			id, ok := n.Lhs[0].(*ast.Ident)
			return !ok || id.Name != "query" // in Google's search language
		case *ast.CallExpr:
			name := ""
			switch f := n.Fun.(type) {
			case *ast.Ident:
				name = f.Name
			case *ast.SelectorExpr:
				name = f.Sel.Name
			}
			return !slices.Contains(notForPeople, name)
		case *ast.BasicLit:
			if n.Kind == token.STRING {
				text, _ := strconv.Unquote(n.Value) // it was parsed
				out = append(out, text)
			}
		}
		return true
	})
	return out
}

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

// prose matches a literal that looks like text for people.
var prose = regexp.MustCompile(`[A-Za-z']{2,}[ ,:][a-z]{2,}`)

// notForPeople lists functions whose arguments are for logs, systems or Chat's console.
var notForPeople = []string{
	"New", "Errorf", "English", "alarm", "ErrorContext", "InfoContext", "WarnContext", "Handle", "panic",
	"refuse", "refused", "unauthenticated", "Contains", "HasSuffix", "Query", "Fields", "HasMessage",
}

func TestTextsInCatalogue(t *testing.T) {
	checked := 0
	for _, folder := range []string{
		"functions/chatevent", "functions/oauthcallback", "shared/chat", "shared/spaces", "shared/meetings",
	} {
		files, err := filepath.Glob("../../" + folder + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			name := filepath.Base(path)
			isTest, _ := filepath.Match("*_test.go", name)
			if isTest || folder+"/"+name == "functions/chatevent/command.go" {
				continue // command.go has the texts of Chat's console
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range literals(file) {
				if checked++; prose.MatchString(text) {
					t.Errorf("%s/%s: %q is not in the catalog", folder, name, text)
				}
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d literals were checked", checked)
	}
}

// literals returns the string literals of a file that might reach a person.
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
				text, _ := strconv.Unquote(n.Value) // valid because it was parsed
				out = append(out, text)
			}
		}
		return true
	})
	return out
}

package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// strictDecoding lists the packages that read what others send. They decode JSON with shared/strictjson only.
var strictDecoding = []string{"functions/", "shared/chat", "shared/googleauth"}

func TestDecoding_Strict(t *testing.T) {
	checked := 0
	for _, p := range listPackages(t, "./...") {
		inScope := false
		for _, prefix := range strictDecoding {
			inScope = inScope || strings.HasPrefix(p.short(), prefix)
		}
		if !inScope {
			continue
		}
		for _, name := range p.GoFiles {
			checked++
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if ok && f.Name.Name == "UnmarshalJSON" { // its text has been checked
					continue
				}
				ast.Inspect(d, func(n ast.Node) bool {
					s, ok := n.(*ast.SelectorExpr)
					if !ok {
						return true
					}
					id, ok := s.X.(*ast.Ident)
					if ok && id.Name == "json" && (s.Sel.Name == "Unmarshal" || s.Sel.Name == "NewDecoder") {
						t.Errorf("%s/%s uses json.%s; use shared/strictjson", p.short(), name, s.Sel.Name)
					}
					return true
				})
			}
		}
	}
	if checked < 30 {
		t.Errorf("only %d files", checked)
	}
}

package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// Two neighbouring strings can be swapped, and the compiler says nothing. Distinct
// things have distinct types, or stand in a struct.
func TestNoExportedFunctionTakesTwoNeighbouringStrings(t *testing.T) {
	looked := 0
	for _, root := range []string{"../../shared", "../../functions"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".gen.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			for _, d := range file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok || !f.Name.IsExported() {
					continue
				}
				before := false
				for _, field := range f.Type.Params.List {
					looked++
					kind, ok := field.Type.(*ast.Ident)
					text := ok && kind.Name == "string"
					if text && (before || len(field.Names) > 1) {
						t.Errorf("%s: %s takes two strings side by side", path, f.Name.Name)
					}
					before = text
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if looked < 500 {
		t.Errorf("only %d parameters were looked at", looked)
	}
}

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

// TestExportedParameters finds adjacent string parameters, which callers can swap
// unnoticed. Use distinct types or a struct instead.
func TestExportedParameters(t *testing.T) {
	checked := 0
	for _, root := range []string{"../../shared", "../../functions"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") ||
				strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".gen.go") {
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
				previousIsString := false
				for _, field := range f.Type.Params.List {
					checked++
					typ, ok := field.Type.(*ast.Ident)
					isString := ok && typ.Name == "string"
					if isString && (previousIsString || len(field.Names) > 1) {
						t.Errorf("%s: %s has adjacent string parameters", path, f.Name.Name)
					}
					previousIsString = isString
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if checked < 500 {
		t.Errorf("only %d parameters were checked", checked)
	}
}

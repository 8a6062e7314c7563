// Advice lists what the program can tell the user to do next, and says which of it no test has made it say. It reads
// a profile of coverage, in Go's text form, and fails where something is missing. `make coverage` runs it over the
// profile of all tests together.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/tools/cover"
)

// module is where the paths in a profile begin.
const module = "github.com/oc-rebuild/oc-rebuild"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "advice: usage: advice PROFILE")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "advice:", err)
		os.Exit(1)
	}
}

func run(profile string) error {
	covered, err := cover.ParseProfiles(profile)
	if err != nil {
		return err
	}
	sites, err := advices(".")
	if err != nil {
		return err
	}
	missing := 0
	for _, site := range sites {
		if !ran(covered, site) {
			missing++
			fmt.Printf("%s:%d: no test has this advice given\n", site.Filename, site.Line)
		}
	}
	fmt.Printf("Places that give an advice: %d, of which tests have run %d.\n", len(sites), len(sites)-missing)
	if missing > 0 {
		return fmt.Errorf("%d are missing", missing)
	}
	return nil
}

// advices returns where the program makes a failure with an advice: calls of fault.New, and literals of fault.Error.
func advices(root string) ([]token.Position, error) {
	var sites []token.Position
	for _, dir := range []string{"cmd", "rebuild", "payload", "ciconfig", "gitsrc", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(node ast.Node) bool {
				if gives(node) {
					sites = append(sites, files.Position(node.Pos()))
				}
				return true
			})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return sites, nil
}

// gives reports whether a piece of code makes a failure with an advice.
func gives(node ast.Node) bool {
	switch node := node.(type) {
	case *ast.CallExpr:
		return is(node.Fun, "New") && len(node.Args) == 3 && !empty(node.Args[1])
	case *ast.CompositeLit:
		if !is(node.Type, "Error") {
			return false
		}
		for _, element := range node.Elts {
			if field, ok := element.(*ast.KeyValueExpr); ok && field.Key.(*ast.Ident).Name == "Advice" {
				return !empty(field.Value)
			}
		}
	}
	return false
}

// is reports whether an expression is a name of the package fault.
func is(expression ast.Expr, name string) bool {
	selector, ok := expression.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != name {
		return false
	}
	pkg, ok := selector.X.(*ast.Ident)
	return ok && pkg.Name == "fault"
}

// empty reports whether an expression is the empty string.
func empty(expression ast.Expr) bool {
	literal, ok := expression.(*ast.BasicLit)
	return ok && literal.Value == `""`
}

// ran reports whether a profile says that a line of code was run.
func ran(profiles []*cover.Profile, site token.Position) bool {
	for _, profile := range profiles {
		if profile.FileName != path.Join(module, filepath.ToSlash(site.Filename)) {
			continue
		}
		for _, block := range profile.Blocks {
			after := block.StartLine < site.Line || block.StartLine == site.Line && block.StartCol <= site.Column
			before := site.Line < block.EndLine || site.Line == block.EndLine && site.Column <= block.EndCol
			if after && before && block.Count > 0 {
				return true
			}
		}
	}
	return false
}

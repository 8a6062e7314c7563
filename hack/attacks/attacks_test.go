package attacks

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// least is how many inputs each group has to have.
const least = 5

// group is a kind of attack, and the tests that try it: PACKAGE.TEST, or a script of hack/e2e as e2e/NAME.
type group struct {
	what  string
	tests []string
}

func groups() []group {
	return []group{
		{"the list of images in a payload", []string{"payload.TestHostileReferences"}},
		{"pull specs in a payload", []string{"payload.TestHostileReferences", "internal/registry.TestParsePullSpec",
			"internal/registry.FuzzParsePullSpec"}},
		{"addresses and commits of sources in a payload",
			[]string{"payload.TestHostileSources", "internal/giturl.TestParsePayloadRefuses",
				"internal/giturl.FuzzParse"}},
		{"the files of a release layer", []string{"payload.TestHostileLayers", "payload.FuzzOpen"}},
		{"layers and manifests that are not what their digest or size says",
			[]string{"internal/registry.TestDigestsThatAreWrong",
				"internal/registry.TestDigestsThatAreNone", "internal/registry.TestContentThatIsSomethingElse",
				"internal/registry.TestLayersOfOtherContent",
				"internal/registry.TestSizesThatAreNone", "payload.TestBombs", "internal/imagefile.FuzzRead"}},
		{"manifest lists", []string{"internal/registry.TestHostileLists", "internal/registry.TestAnotherPlatform",
			"internal/registry.FuzzParseManifest"}},
		{"manifests of operators", []string{"payload.TestRefusals", "payload.FuzzOperator", "ciconfig.TestAliasBomb"}},
		{"plans, and the working trees that come with them", []string{"rebuild/plan.TestRead", "rebuild/plan.FuzzRead",
			"rebuild/source.TestUnpackRefuses", "rebuild/source.FuzzUnpack", "rebuild/source.TestUnpacked",
			"hack/osimages.TestPlanWithLinks", "rebuild.TestPlanOfAStranger"}},
		{"names and versions of payloads", []string{"cmd/internal/cli.TestNewRefuses", "payload.TestRefusals",
			"rebuild.TestNameFor"}},
		{"paths of Dockerfiles and contexts", []string{"rebuild.TestHostileRecipes", "ciconfig.TestRecipeStaysInside",
			"ciconfig.TestTreeStaysInside"}},
		{"configs of CI", []string{"ciconfig.TestParseRefuses", "ciconfig.TestOrderRefuses", "ciconfig.FuzzParse"}},
		{"configs that could be meant", []string{"ciconfig.TestFindSaysWhy", "ciconfig.TestResolverFails",
			"ciconfig.TestResolverAddress"}},
		{"Dockerfiles", []string{"ciconfig/dockerfile.TestParseRefuses", "ciconfig.TestResolveRefuses",
			"ciconfig/dockerfile.TestNotices",
			"ciconfig.FuzzResolve", "ciconfig/dockerfile.FuzzParse", "cmd/internal/cli/display.FuzzOutputOfSteps",
			"e2e/isolation"}},
		{"credentials in images, labels of base images",
			[]string{"rebuild.TestSecretsReachOnlyTheStepThatAsks", "rebuild.TestRunSeesNothingOfTheHost",
				"ciconfig.TestLabels"}},
		{"git servers and repositories", []string{"gitsrc.TestHostileTrees", "gitsrc.TestTreeLimits",
			"gitsrc.TestSubmodulesShareLimits", "gitsrc.TestBombs",
			"gitsrc/internal/worktree.TestFind", "gitsrc/internal/worktree.TestCopyOfForeignObjects",
			"gitsrc.TestServerAnswersAnotherCommit", "gitsrc.TestAnswersWithoutEnd", "gitsrc.TestAgreementWithoutEnd",
			"gitsrc.TestRedirects",
			"gitsrc.TestCredentials", "gitsrc.TestSubmodules", "gitsrc/internal/pack.TestReceiveRefuses",
			"gitsrc/internal/pack.FuzzReceive",
			"gitsrc/internal/checkout.FuzzParseTree"}},
		{"caches of others, damaged caches", []string{"gitsrc.TestCacheOfSomebodyElse",
			"gitsrc.TestDamagedCacheIsFetchedAgain",
			"gitsrc.TestDamageUnderAView", "gitsrc.TestKilled", "gitsrc.TestSeveralAtOnce",
			"rebuild.TestCompileCachesAreKeptApart", "e2e/attack"}},
		{"registries, token services, uploads and update services",
			[]string{"internal/registry.TestTokenServices", "internal/registry.TestTokenServicesThatSendOn",
				"internal/registry.TestUploadsThatAreSentElsewhere",
				"internal/registry.TestUploadsThatAreRefusedElsewhere",
				"internal/registry.TestUploadsThatLeaveTLS", "internal/registry.TestMountsThatAreLies",
				"internal/registry.TestRetryAfter",
				"internal/registry.TestSilence", "internal/registry.TestErrorsWithoutEnd",
				"internal/registry.TestAnswersWithoutEnd",
				"payload.TestFailedPushLeavesNoTag", "payload.TestTagIsVerified", "payload/updates.FuzzFind"}},
		{"credentials for registries and git servers", []string{"internal/registry.TestCredentialsStayHome",
			"internal/registry.TestCredentialHelperThatIsAPath", "internal/registry.TestSilentCredentialHelper",
			"internal/registry.TestCredentialsOfAnotherRepository",
			"gitsrc/internal/remote.TestTokensGoToTheirHostOnly"}},
		{"mirrors, signature policies, signatures",
			[]string{"internal/registry.TestMirrors", "internal/registry.TestSignaturePolicy",
				"payload/signature.TestForgeries", "payload/signature.FuzzVerify",
				"internal/registry.FuzzParseMirrors", "payload/mirror.FuzzRelease"}},
		{"signals, full disks, odd machines", []string{"hack/reliability.TestFigures",
			"rebuild.TestInterruptLeavesNothingBehind",
			"gitsrc.TestInterruptAtAnyTime", "gitsrc.TestFullDisk", "gitsrc.TestReadOnlyHome", "e2e/interrupt",
			"e2e/killed", "e2e/umask"}},
		{"secrets that get out", []string{"hack/e2e.TestLeaks", "hack/e2e.TestScripts",
			"cmd/internal/cli.TestNoSecretsInTrees",
			"rebuild.TestSecretsReachOnlyTheStepThatAsks"}},
	}
}

const (
	root  = "../.."
	page  = root + "/docs/reliability.md"
	begin = "<!-- attacks: hack/attacks writes this table -->\n"
	end   = "<!-- end -->\n"
)

var update = flag.Bool("update", false, "write the table")

// TestTable keeps the table true: every test in it exists, and every group has enough inputs.
func TestTable(t *testing.T) {
	var table strings.Builder
	table.WriteString("| what is attacked | inputs | tests |\n|---|---|---|\n")
	for _, g := range groups() {
		total, names := 0, []string{}
		for _, test := range g.tests {
			inputs, where := count(t, test)
			total += inputs
			names = append(names, fmt.Sprintf("[%s](../%s)", test, where))
		}
		if total < least {
			t.Errorf("%s: %d inputs, want %d at least", g.what, total, least)
		}
		fmt.Fprintf(&table, "| %s | %d | %s |\n", g.what, total, strings.Join(names, ", "))
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for the table", page)
	}
	want := before + begin + table.String() + end + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil { //nolint:gosec // a document
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("the table in %s is not current: make docs", page)
	}
}

// count returns how many inputs a test has, and its file.
func count(t *testing.T, test string) (inputs int, where string) {
	t.Helper()
	if script, ok := strings.CutPrefix(test, "e2e/"); ok {
		found, err := filepath.Glob(filepath.Join(root, "hack/e2e/testdata/*", script+".txtar"))
		if err != nil || len(found) != 1 {
			t.Fatalf("script %q: %q, %v", script, found, err)
		}
		text, err := os.ReadFile(found[0])
		if err != nil {
			t.Fatal(err)
		}
		if where, err = filepath.Rel(root, found[0]); err != nil {
			t.Fatal(err)
		}
		return len(regexp.MustCompile(`(?m)^(exits|interrupt|begin) `).FindAll(text, -1)), where
	}
	directory, name, _ := strings.Cut(test, ".")
	files, err := filepath.Glob(filepath.Join(root, directory, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte("func "+name+"(")) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Name.Name == name && f.Recv == nil {
				return max(1, rows(f.Body)), filepath.Join(directory, filepath.Base(path))
			}
		}
	}
	t.Fatalf("there is no %s", test)
	return 0, ""
}

// rows counts the elements of the tables that a function goes through, and the inputs that a fuzz target begins with.
func rows(body *ast.BlockStmt) (total int) {
	tables := map[string]int{}
	ast.Inspect(body, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.AssignStmt:
			for i, right := range n.Rhs {
				if table, ok := right.(*ast.CompositeLit); ok {
					if name, ok := n.Lhs[i].(*ast.Ident); ok {
						tables[name.Name] = len(table.Elts)
					}
				}
			}
		case *ast.RangeStmt:
			switch over := n.X.(type) {
			case *ast.CompositeLit:
				total += len(over.Elts)
			case *ast.Ident:
				total += tables[over.Name]
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Add" {
				if on, ok := f.X.(*ast.Ident); ok && on.Name == "f" {
					total++
				}
			}
		}
		return true
	})
	return total
}

package ciconfig_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/realdata"
)

// query is what a payload says about one component.
func (c component) query(stream ciconfig.Stream) ciconfig.Query {
	return ciconfig.Query{Stream: stream, Tag: c.name, Org: c.org, Repo: c.repo, Ref: c.ref}
}

// largeTree is openshift/release at its real size: the configs of the data set, and copies of them for repositories
// that do not exist, up to 12,500.
func largeTree(b *testing.B) fs.FS {
	b.Helper()
	root := realdata.Path(b, "openshift-release-2024-08")
	directory := b.TempDir()
	if err := os.CopyFS(directory, os.DirFS(root)); err != nil {
		b.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(root, "ci-operator", "config", "*", "*", "*.yaml"))
	if err != nil {
		b.Fatal(err)
	}
	for i := len(names); i < 12_500; i++ {
		data, err := os.ReadFile(names[i%len(names)])
		if err != nil {
			b.Fatal(err)
		}
		name := filepath.Join(directory, "ci-operator", "config", fmt.Sprintf("org-%d", i%40),
			fmt.Sprintf("repo-%d", i/20),
			fmt.Sprintf("x-%d.yaml", i))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return os.DirFS(directory)
}

// BenchmarkFindOne finds one component in a tree of 12,500 configs that nothing is known about yet.
func BenchmarkFindOne(b *testing.B) {
	files := largeTree(b)
	stream, list := components(b, "payloads", "4.12.0", "release-manifests", "image-references")
	for _, one := range list {
		if one.name == "machine-config-operator" {
			b.ResetTimer()
			for b.Loop() {
				find(b, ciconfig.Open(files, "release"), one.query(stream))
			}
		}
	}
}

// BenchmarkFindAll finds all 180 components of a release that have a source.
func BenchmarkFindAll(b *testing.B) {
	files := largeTree(b)
	stream, list := components(b, "payloads", "4.12.0", "release-manifests", "image-references")
	b.ResetTimer()
	b.ReportAllocs()
	for b.Loop() {
		tree := ciconfig.Open(files, "release")
		for _, one := range list {
			if one.repo != "" {
				find(b, tree, one.query(stream))
			}
		}
	}
}

// BenchmarkFindWithoutRepository searches the whole tree, as for a payload that names no sources.
func BenchmarkFindWithoutRepository(b *testing.B) {
	files := os.DirFS(realdata.Path(b, "openshift-release-2024-08"))
	b.ReportAllocs()
	for b.Loop() {
		find(b, ciconfig.Open(files, "release"),
			ciconfig.Query{Stream: ciconfig.Stream{Namespace: "origin", Name: "scos-4.17"}, Tag: "cli"})
	}
}

// BenchmarkScanLargeTree does so with 12,500 configs, for a tag that none of them promotes.
func BenchmarkScanLargeTree(b *testing.B) {
	files := largeTree(b)
	b.ResetTimer()
	b.ReportAllocs()
	for b.Loop() {
		_, err := ciconfig.Open(files, "release").Find(context.Background(),
			ciconfig.Query{Stream: ciconfig.Stream{Namespace: "ocp", Name: "4.12"}, Tag: "no-such-tag"})
		if err == nil {
			b.Fatal("something promotes what does not exist")
		}
	}
}

func find(b *testing.B, tree *ciconfig.Tree, query ciconfig.Query) {
	match, err := tree.Find(context.Background(), query)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := match.Recipe(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkParse reads one large config.
func BenchmarkParse(b *testing.B) {
	data, err := os.ReadFile(realdata.Path(b, "openshift-release-2024-08", "ci-operator", "config",
		"openshift", "installer",
		"openshift-installer-master.yaml"))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := ciconfig.Parse("x", data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkResolve substitutes the references of one Dockerfile.
func BenchmarkResolve(b *testing.B) {
	recipe, err := parse(b, everything).Recipe("operator")
	if err != nil {
		b.Fatal(err)
	}
	text := []byte("FROM registry.ci.openshift.org/ocp/builder:old AS builder\nWORKDIR /go/src\nCOPY . .\nRUN make \\\n  build\nFROM x\nCOPY --from=builder /a /b\n")
	for b.Loop() {
		resolution, err := recipe.Resolve(text)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := resolution.Rewrite(func(ciconfig.Base) string { return "example.com/x:1" }); err != nil {
			b.Fatal(err)
		}
	}
}

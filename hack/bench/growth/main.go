// growth measures how seconds and memory grow with what is read: payloads of up to 1,000 images, plans of as many
// components, trees of up to 12,500 configs, repositories of up to 1 GB, each at a quarter, half and all of it.
// `make bench-growth` runs it, on loopback.
package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/hack/playground"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) == 4 { // a process of the measurement
		err = fetch(ctx, os.Args[1], os.Args[2], os.Args[3])
	} else {
		err = run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "growth:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	binary, err := filepath.Abs("bin/oc-rebuild")
	if err != nil {
		return err
	}
	return playground.Temporary(ctx, playground.Options{}, func(p *playground.Playground) error {
		b := bench{p, binary}
		fmt.Printf("%-34s %8s %8s %10s %7s\n", "what", "size", "seconds", "processor", "MiB")
		return errors.Join(b.images(ctx, 1000), b.plans(ctx, 1000), b.configs(ctx, 12_500), b.repositories(ctx, 1024))
	})
}

// bench is a machine on which things are measured.
type bench struct {
	*playground.Playground
	binary string
}

// images assembles payloads from image streams, and reads them.
func (b bench) images(ctx context.Context, all int) error {
	var tags []map[string]any
	stream := filepath.Join(b.Dir, "stream.json")
	for _, count := range []int{all / 4, all / 2, all} {
		for i := len(tags); i < count; i++ {
			component := fmt.Sprintf("component-%d", i)
			spec, err := b.push(component, map[string]string{"name": component})
			if err != nil {
				return fmt.Errorf("pushing an image: %w", err)
			}
			tags = append(tags, map[string]any{"name": component,
				"from": map[string]string{"kind": "DockerImage", "name": spec}})
		}
		release := fmt.Sprintf("%s/growth/release:%d", b.Registry.Host, count)
		if err := b.assemble(ctx, stream, tags, release); err != nil {
			return err
		}
		if err := b.measure(ctx, "info, of images", count, "info", release); err != nil {
			return err
		}
	}
	return nil
}

// assemble makes a payload of images, and of an operator that needs all of them: others have no place in it.
func (b bench) assemble(ctx context.Context, stream string, tags []map[string]any, release string) error {
	const operator = "cluster-version-operator"
	references, err := imageStream(tags)
	if err != nil {
		return err
	}
	spec, err := b.push(operator, map[string]string{"io.openshift.release.operator": "true"}, references)
	if err != nil {
		return fmt.Errorf("pushing an image: %w", err)
	}
	tags = append(slices.Clone(tags), map[string]any{"name": operator,
		"from": map[string]string{"kind": "DockerImage", "name": spec}})
	data, err := imageStream(tags)
	if err != nil {
		return err
	}
	if err := os.WriteFile(stream, data, 0o600); err != nil {
		return err
	}
	return b.measure(ctx, "new, of images", len(tags)-1, "new", "-f", stream, "--name", "4.17.0", "--to-image", release)
}

// imageStream writes tags as an image stream.
func imageStream(tags []map[string]any) ([]byte, error) {
	return json.Marshal(map[string]any{"kind": "ImageStream", "apiVersion": "image.openshift.io/v1",
		"metadata": map[string]string{"name": "4.17"}, "spec": map[string]any{"tags": tags}})
}

// plans plans payloads of which every component is rebuilt: each of a repository of its own, every other one on the
// image of the one before.
func (b bench) plans(ctx context.Context, all int) error {
	template := filepath.Join(b.Dir, "template")
	if err := os.MkdirAll(template, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(template, "Dockerfile"), []byte("FROM base\nCOPY . /\n"), 0o600); err != nil {
		return err
	}
	commit, err := commitAll(ctx, template)
	if err != nil {
		return err
	}
	configs := filepath.Join(b.Dir, "planned")
	var tags []map[string]any
	stream := filepath.Join(b.Dir, "planned.json")
	for _, count := range []int{all / 4, all / 2, all} {
		for i := len(tags); i < count; i++ {
			component, repository := fmt.Sprintf("planned-%d", i), fmt.Sprintf("growth/planned-%d", i)
			spec, err := b.push(component, map[string]string{"io.openshift.build.commit.id": commit,
				"io.openshift.build.commit.ref":      "release-4.17",
				"io.openshift.build.source-location": "https://github.com/" + repository})
			if err != nil {
				return fmt.Errorf("pushing an image: %w", err)
			}
			tags = append(tags, map[string]any{"name": component,
				"from": map[string]string{"kind": "DockerImage", "name": spec}})
			base := "base-rhel9"
			if i%2 == 1 {
				base = tags[i-1]["name"].(string)
			}
			text := fmt.Sprintf("base_images: {base: {namespace: ocp, name: \"4.17\", tag: %s}}\nimages:\n- {from: base, to: %s}\n"+
				"promotion: {to: [{namespace: ocp, name: \"4.17\"}]}\nzz_generated_metadata: {org: growth, repo: planned-%d, branch: release-4.17}\n",
				base, component, i)
			directory := filepath.Join(configs, "ci-operator", "config", filepath.FromSlash(repository))
			served := filepath.Join(b.Dir, "git", filepath.FromSlash(repository)+".git")
			err = errors.Join(os.MkdirAll(directory, 0o755), os.MkdirAll(filepath.Dir(served), 0o755),
				os.CopyFS(served, os.DirFS(filepath.Join(template, ".git"))),
				os.WriteFile(filepath.Join(directory, fmt.Sprintf("growth-planned-%d-release-4.17.yaml", i)),
					[]byte(text), 0o600))
			if err != nil {
				return err
			}
		}
		release := fmt.Sprintf("%s/growth/planned:%d", b.Registry.Host, count)
		if err := b.assemble(ctx, stream, tags, release); err != nil {
			return err
		}
		args := []string{"plan", "--from-release", release, "--release-repo", configs, "-o", "json"}
		for _, tag := range tags {
			args = append(args, tag["name"].(string))
		}
		err := b.measure(ctx, "plan, of components", count, args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// push makes a small image with labels, and perhaps with what it wants of a payload, and returns its pull spec.
func (b bench) push(component string, labels map[string]string, references ...[]byte) (string, error) {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.DockerManifestSchema2), types.DockerConfigJSON)
	image, err := mutate.Config(image, v1.Config{Labels: labels})
	if err != nil {
		return "", err
	}
	for _, data := range references {
		layer, err := layerOf("manifests/image-references", data)
		if err != nil {
			return "", err
		}
		if image, err = mutate.AppendLayers(image, layer); err != nil {
			return "", err
		}
	}
	digest, err := image.Digest()
	if err != nil {
		return "", err
	}
	repository := b.Registry.Host + "/growth/" + component
	ref, err := name.ParseReference(repository+":a", name.Insecure)
	if err != nil {
		return "", err
	}
	return repository + "@" + digest.String(), remote.Write(ref, image)
}

// layerOf makes a layer of one file.
func layerOf(name string, data []byte) (v1.Layer, error) {
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Typeflag: tar.TypeReg, Size: int64(len(data))})
	if err == nil {
		_, err = w.Write(data)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil }, tarball.WithMediaType(types.DockerLayer))
}

// configs resolves a component where openshift/release has so many configs.
func (b bench) configs(ctx context.Context, all int) error {
	made := 0
	for _, count := range []int{all / 4, all / 2, all} {
		for ; made < count; made++ {
			organization, repository := fmt.Sprintf("org-%d", made%20), fmt.Sprintf("repo-%d", made/8)
			directory := filepath.Join(b.ReleaseRepo, "ci-operator", "config", organization, repository)
			branch := fmt.Sprintf("release-4.%d", made%8)
			text := fmt.Sprintf("images:\n- {from: base, to: component-%d}\npromotion: {to: [{namespace: ocp, name: \"4.%d\"}]}\n"+
				"zz_generated_metadata: {org: %s, repo: %s, branch: %s}\n%s", made, made%8, organization,
				repository, branch,
				strings.Repeat("# a line of a config, which has some hundreds of them\n", 100))
			err := errors.Join(os.MkdirAll(directory, 0o755),
				os.WriteFile(filepath.Join(directory, organization+"-"+repository+"-"+branch+".yaml"),
					[]byte(text), 0o600))
			if err != nil {
				return err
			}
		}
		err := b.measure(ctx, "plan, with configs", count, "plan", "machine-config-operator", "--from-release",
			b.Payload, "--release-repo", b.ReleaseRepo)
		if err != nil {
			return err
		}
	}
	return nil
}

// repositories fetches a commit with so many megabytes, in files of 64 KB that cannot be compressed.
func (b bench) repositories(ctx context.Context, all int) error {
	root := filepath.Join(b.Dir, "large")
	server, err := playground.NewGitServer(root, playground.GitOptions{})
	if err != nil {
		return err
	}
	defer server.Close()
	random := rand.NewChaCha8([32]byte{})
	for _, megabytes := range []int{all / 4, all / 2, all} {
		tree := filepath.Join(root, fmt.Sprint(megabytes), "tree")
		for i := range megabytes * 16 {
			path := filepath.Join(tree, fmt.Sprint(i%100), fmt.Sprint(i))
			data := make([]byte, 64<<10)
			_, _ = io.ReadFull(random, data)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o600)); err != nil {
				return err
			}
		}
		commit, err := commitAll(ctx, tree)
		if err != nil {
			return err
		}
		// The server is not to look for files that are alike, in which it is silent for longer than it may be.
		if err := exec.CommandContext(ctx, "git", "-C", tree, "config", "pack.window", "0").Run(); err != nil {
			return fmt.Errorf("making a repository: git config: %w", err)
		}
		repository := filepath.Join(root, fmt.Sprint(megabytes), "repository.git")
		if err := os.Rename(filepath.Join(tree, ".git"), repository); err != nil {
			return err
		}
		self, err := os.Executable()
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, self, fmt.Sprintf("%s%d/repository", server.URL, megabytes), commit,
			filepath.Join(root, fmt.Sprint(megabytes), "work"))
		if err := report(cmd, "fetch and checkout, of MB", megabytes); err != nil {
			return err
		}
		if err := os.RemoveAll(filepath.Join(root, fmt.Sprint(megabytes))); err != nil {
			return err
		}
	}
	return nil
}

// commitAll makes a repository of a directory and returns the ID of its one commit.
func commitAll(ctx context.Context, directory string) (string, error) {
	var commit []byte
	for _, args := range [][]string{{"init", "-q"}, {"add", "."},
		{"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "a"},
		{"rev-parse", "HEAD"}} {
		var err error
		if commit, err = exec.CommandContext(ctx, "git",
			append([]string{"-C", directory, "-c", "core.compression=0"}, args...)...).Output(); err != nil {
			return "", fmt.Errorf("making a repository: git %s: %w", args[0], err)
		}
	}
	return strings.TrimSpace(string(commit)), nil
}

// fetch is one fetch and checkout by the library, in a process of its own so that its memory can be seen.
func fetch(ctx context.Context, repository, commit, work string) error {
	spec, err := gitsrc.Parse(repository + "@" + commit)
	if err != nil {
		return err
	}
	store, err := gitsrc.Open(filepath.Join(work, "cache"), gitsrc.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	_, err = store.Fetch(ctx, gitsrc.Request{Spec: spec}, filepath.Join(work, "checkout"))
	return err
}

// measure runs the program with a cache that is empty.
func (b bench) measure(ctx context.Context, what string, size int, args ...string) error {
	cache := filepath.Join(b.Dir, "cache")
	if err := os.RemoveAll(cache); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, b.binary, append(args, "--cache-dir", cache)...)
	cmd.Env = append(os.Environ(), b.Env()...)
	return report(cmd, what, size)
}

// report runs a command and prints its line.
func report(cmd *exec.Cmd, what string, size int) error {
	begin := time.Now()
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %.2000s", what, err, output)
	}
	usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	fmt.Printf("%-34s %8d %8.2f %10.2f %7d\n", what, size, time.Since(begin).Seconds(),
		(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), usage.Maxrss>>10)
	return nil
}

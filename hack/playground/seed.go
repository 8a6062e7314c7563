package playground

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// entry is an image of the seed and the repository that it is served from.
type entry struct {
	Kind       string   `json:"kind,omitempty"` // "base" or "builder"
	Repository string   `json:"repository"`     // with the host that the image has in pull specs
	Tags       []string `json:"tags,omitempty"`
	Image      stored   `json:"image"`
}

// layout numbers what makeSeed makes of its inputs. Count it up when that changes.
const layout = 2

// seed returns the directory of blobs and the index that a registry is seeded with. It makes both when the cache has
// none for these inputs; processes that want the same seed at once wait for one of them to make it. report hears each
// step of that.
func seed(ctx context.Context, cache string, report func(string)) (dir string, index []entry, err error) {
	key, err := seedKey()
	if err != nil {
		return "", nil, fmt.Errorf("naming the seed: %w", err)
	}
	dir = filepath.Join(cache, key)
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", nil, err
	}
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", nil, err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return "", nil, fmt.Errorf("locking the seed: %w", err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err == nil {
		return dir, index, json.Unmarshal(data, &index)
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", nil, err
	}
	index, err = makeSeed(ctx, dir, report)
	if err != nil {
		return "", nil, fmt.Errorf("making the seed of the playground: %w", err)
	}
	data, err = json.Marshal(index)
	if err != nil {
		return "", nil, err
	}
	return dir, index, os.WriteFile(filepath.Join(dir, "index.json"), data, 0o644)
}

// seedKey is a digest of what the seed depends on: what is embedded here, the Go toolchain and the host's programs.
func seedKey() (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, layout, componentList)
	err := fs.WalkDir(repos, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := repos.ReadFile(name)
		fmt.Fprintf(h, "%s %x\n", name, sha256.Sum256(data))
		return err
	})
	if err != nil {
		return "", err
	}
	version, err := exec.Command("go", "env", "GOVERSION", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("asking go for its version: %w", err)
	}
	h.Write(version)
	for _, program := range append(basePrograms(), "make", "git") {
		found, err := exec.LookPath(program)
		if err != nil {
			return "", fmt.Errorf("the base images need the program %q of this machine: %w", program, err)
		}
		info, err := os.Stat(found)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(h, program, info.Size(), info.ModTime().UnixNano())
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// makeSeed makes all images of the playground below dir.
func makeSeed(ctx context.Context, dir string, report func(string)) ([]entry, error) {
	s, err := newStore(dir)
	if err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp(dir, "scratch-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	report("the first time on this machine: making a base image out of its programs (later runs use what is made now)")
	base, err := baseImage(s)
	if err != nil {
		return nil, err
	}
	var builder v1.Image
	var programs map[string][]file
	var heads map[string]string
	report("making a builder image out of this machine's Go, and compiling operators (minutes on a busy machine)")
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		builder, err = builderImage(ctx, s, base, scratch)
		return err
	})
	group.Go(func() (err error) {
		programs, heads, err = buildSources(ctx, scratch)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	index, err := baseEntries(s, base, builder)
	if err != nil {
		return nil, err
	}
	list, err := components(heads)
	if err != nil {
		return nil, err
	}
	for _, f := range flavours() {
		report(fmt.Sprintf("making payload %s of %d components", f.Version, len(list)))
		entries, err := f.entries(s, base, list, programs)
		if err != nil {
			return nil, fmt.Errorf("making payload %s: %w", f.Version, err)
		}
		index = append(index, entries...)
	}
	return index, nil
}

// buildSources builds the components that have a repository, and returns their files by component and commits by
// repository.
func buildSources(ctx context.Context, scratch string) (map[string][]file, map[string]string, error) {
	root := filepath.Join(scratch, "git")
	if err := writeRepositories(ctx, root); err != nil {
		return nil, nil, err
	}
	heads, err := commits(ctx, root)
	if err != nil {
		return nil, nil, err
	}
	programs := map[string][]file{}
	for _, source := range sources() {
		programs[source.Component], err = source.build(ctx, root, scratch, heads[source.Repository])
		if err != nil {
			return nil, nil, err
		}
	}
	return programs, heads, nil
}

// baseEntries lists the base images under the names that CI gives them.
func baseEntries(s store, base, builder v1.Image) ([]entry, error) {
	storedBase, err := s.put(base)
	if err != nil {
		return nil, err
	}
	storedBuilder, err := s.put(builder)
	if err != nil {
		return nil, err
	}
	return []entry{
		{"base", "registry.ci.openshift.org/ocp/4.17", []string{"base", "base-rhel9"}, storedBase},
		{"base", "registry.ci.openshift.org/origin/scos-4.17", []string{"base", "base-stream9"}, storedBase},
		{"builder", "registry.ci.openshift.org/ocp/builder",
			[]string{"rhel-9-golang-1.22-openshift-4.17"}, storedBuilder},
	}, nil
}

// entries makes the component images and the release image of a flavour.
func (f flavour) entries(s store, base v1.Image, list []component, programs map[string][]file) ([]entry, error) {
	bases := map[string]v1.Image{"": base}
	parents := map[string]string{}
	for _, source := range sources() {
		parents[source.Component] = source.Base
	}
	var members []member
	var index []entry
	for _, c := range list {
		files, real := programs[c.Name]
		c = f.component(c)
		if !real {
			files = c.stubFiles()
		}
		m, image, err := s.member(c, bases[parents[c.Name]], f.files(files))
		if err != nil {
			return nil, fmt.Errorf("component %s: %w", c.Name, err)
		}
		bases[c.Name] = m.image
		members = append(members, m)
		index = append(index, entry{Repository: f.Repository, Image: image})
	}
	release, err := s.release(content{
		Members: members, Repository: f.Repository, References: f.imageStream(members),
		Metadata: releaseMetadata(f.Version),
	})
	if err != nil {
		return nil, err
	}
	image, err := s.put(release)
	if err != nil {
		return nil, err
	}
	repository, tag := cut(f.Release)
	return append(index, entry{Repository: repository, Tags: []string{tag}, Image: image}), nil
}

// cut splits a pull spec at its tag.
func cut(pullspec string) (repository, tag string) {
	i := strings.LastIndex(pullspec, ":")
	return pullspec[:i], pullspec[i+1:]
}

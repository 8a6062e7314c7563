package playground

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	imagev1 "github.com/openshift/api/image/v1"
)

// AddPayload pushes a real payload, of which dir has the release-manifests as `oc adm release extract` writes them.
// Its images are not at hand: each becomes a small one with the labels that the payload was made from, and the
// manifests go back to the operators that they came from. The payload is served under pullspec and says the same as
// the real one, but for the digests.
func (p *Playground) AddPayload(ctx context.Context, dir, pullspec string) error {
	s, err := newStore(filepath.Join(p.Dir, "registry"))
	if err != nil {
		return err
	}
	real, err := readPayload(dir)
	if err != nil {
		return fmt.Errorf("reading the payload in %s: %w", dir, err)
	}
	base, err := p.Image(ctx, "registry.ci.openshift.org/ocp/4.17:base")
	if err != nil {
		return err
	}
	c := content{Repository: real.repository, References: real.stream, Metadata: real.metadata}
	for _, tag := range real.stream.Spec.Tags {
		component := componentOf(tag)
		files := component.stubFiles()
		for _, f := range real.manifests[tag.Name] {
			component.Level = "real"
			files = append(files, file{Name: "manifests/" + f.Name, Data: f.Data})
		}
		m, image, err := s.member(component, base, files)
		if err != nil {
			return fmt.Errorf("component %s: %w", tag.Name, err)
		}
		c.Members = append(c.Members, m)
		if err := p.Registry.load(real.repository, image); err != nil {
			return err
		}
	}
	img, err := s.release(c)
	if err != nil {
		return err
	}
	image, err := s.put(img)
	if err != nil {
		return err
	}
	repository, tag := cut(pullspec)
	return p.Registry.load(repository, image, tag)
}

// AddBase serves one of the playground's base images, "base" or "builder", under one more name.
func (p *Playground) AddBase(kind, pullspec string) error {
	for _, e := range p.index {
		if e.Kind == kind {
			repository, tag := cut(pullspec)
			return p.Registry.load(repository, e.Image, tag)
		}
	}
	return fmt.Errorf("base image %q: want base or builder", kind)
}

// realPayload is what the files of a payload say.
type realPayload struct {
	stream     *imagev1.ImageStream
	metadata   []byte
	repository string
	manifests  map[string][]file // by operator, with placeholders for pull specs and the version
}

func readPayload(dir string) (realPayload, error) {
	r := realPayload{stream: &imagev1.ImageStream{}, manifests: map[string][]file{}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return r, err
	}
	data, err := os.ReadFile(filepath.Join(dir, "image-references"))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, r.stream); err != nil {
		return r, err
	}
	byPullSpec := map[string]string{}
	for _, tag := range r.stream.Spec.Tags {
		r.repository, _, _ = strings.Cut(tag.From.Name, "@")
		byPullSpec[tag.From.Name] = tag.Name
	}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return r, err
		}
		switch entry.Name() {
		case "image-references":
		case "release-metadata":
			r.metadata = data
		default:
			operator := r.owner(entry.Name())
			r.manifests[operator] = append(r.manifests[operator],
				file{Name: entry.Name(), Data: unmap(data, r.stream.Name, byPullSpec)})
		}
	}
	r.addReferences()
	return r, nil
}

// unmap does the reverse of what `oc adm release new` does to a manifest.
func unmap(data []byte, version string, byPullSpec map[string]string) []byte {
	pullspecs := regexp.MustCompile(`([a-z0-9.-]+/[a-z0-9./_-]+@sha256:[0-9a-f]{64})([\s"']|$)`)
	data = pullspecs.ReplaceAllFunc(data, func(match []byte) []byte {
		groups := pullspecs.FindSubmatch(match)
		name, ok := byPullSpec[string(groups[1])]
		if !ok {
			return match
		}
		return append([]byte(placeholder+name), groups[2]...)
	})
	versions := regexp.MustCompile(`(\W)` + regexp.QuoteMeta(version) + `([^\w.-]|$)`)
	return versions.ReplaceAll(data, []byte("${1}0.0.1-snapshot${2}"))
}

// owner guesses from the name of a manifest which operator brought it: no payload records that.
func (r realPayload) owner(name string) string {
	stem := regexp.MustCompile(`^0000_\d+[_-]`).ReplaceAllString(name, "")
	stem = regexp.MustCompile(`[_-]\d.*$|\.\w+$`).ReplaceAllString(stem, "")
	best := ""
	for _, tag := range r.stream.Spec.Tags {
		if tag.Name == stem || tag.Name == "cluster-"+stem {
			return tag.Name
		}
		if strings.HasPrefix(stem, tag.Name) && len(tag.Name) > len(best) {
			best = tag.Name
		}
	}
	if best == "" {
		return "cluster-config-operator"
	}
	return best
}

// addReferences gives each operator an image-references that names what its manifests mention. What no operator
// mentions the installer names, as an image that none names is no part of a payload.
func (r realPayload) addReferences() {
	mentioned := map[string]bool{}
	names := regexp.MustCompile(regexp.QuoteMeta(placeholder) + `([a-z0-9-]+)`)
	operands := map[string][]string{}
	for operator, files := range r.manifests {
		seen := map[string]bool{operator: true}
		for _, f := range files {
			for _, match := range names.FindAllSubmatch(f.Data, -1) {
				if name := string(match[1]); !seen[name] {
					operands[operator] = append(operands[operator], name)
					seen[name] = true
				}
			}
		}
		for name := range seen {
			mentioned[name] = true
		}
	}
	const rest = "installer"
	for _, tag := range r.stream.Spec.Tags {
		if !mentioned[tag.Name] && tag.Name != rest {
			operands[rest] = append(operands[rest], tag.Name)
		}
	}
	if r.manifests[rest] == nil {
		r.manifests[rest] = []file{}
	}
	for operator := range r.manifests {
		c := component{Name: operator, Operands: operands[operator]}
		r.manifests[operator] = append(r.manifests[operator], file{Name: "image-references", Data: c.imageReferences()})
	}
}

func componentOf(tag imagev1.TagReference) component {
	return component{
		Name:       tag.Name,
		Repository: strings.TrimPrefix(tag.Annotations["io.openshift.build.source-location"], "https://github.com/"),
		Commit:     tag.Annotations["io.openshift.build.commit.id"],
		Ref:        tag.Annotations["io.openshift.build.commit.ref"],
		Versions:   tag.Annotations["io.openshift.build.versions"],
		Titles:     tag.Annotations["io.openshift.build.version-display-names"],
	}
}

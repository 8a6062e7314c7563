package payload_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// rebuilt returns a change to the component's image: the seeded one with other content, pushed to the registry.
func rebuilt(t *testing.T, r *payloadtest.Registry, c payloadtest.Component) payload.Change {
	t.Helper()
	image := c.Image(when.Add(time.Hour))
	image.Layers[1]["usr/bin/"+c.Name] = "another binary"
	image.Labels["io.openshift.build.commit.id"] = strings.Repeat("ab", 20)
	return payload.Change{Component: c.Name, Image: r.Push(t, "me/components", c.Name, image.Build(t))}
}

func component(t *testing.T, name string) payloadtest.Component {
	t.Helper()
	for _, c := range small().Components {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no component %q", name)
	return payloadtest.Component{}
}

// TestDeltaAndFullAgree assembles with each single component replaced, both ways, and compares with what the seeder
// itself renders.
func TestDeltaAndFullAgree(t *testing.T) {
	r, seeded := seedSmall(t)
	client := payloadtest.Client(t)
	release := open(t, seeded.PullSpec)
	for _, c := range small().Components {
		t.Run(c.Name, func(t *testing.T) {
			change := rebuilt(t, r, c)
			want := map[string]string{}
			for name, content := range seeded.Files {
				want[name] = strings.ReplaceAll(content, seeded.Images[c.Name], change.Image)
			}
			digests := map[payload.Method]string{}
			for _, method := range []payload.Method{"", payload.Full} {
				assembly, err := payload.Assemble(context.Background(), client, release, []payload.Change{change},
					payload.AssembleOptions{Method: method})
				if err != nil {
					t.Fatalf("Assemble: %v", err)
				}
				if wantFull := method == payload.Full ||
					c.Name == "cluster-version-operator"; (assembly.Method == payload.Full) != wantFull {
					t.Errorf("assembled by %s (%s)", assembly.Method, assembly.Reason)
				}
				pushed, err := assembly.Push(context.Background(), client, r.Host+"/me/release:new")
				if err != nil {
					t.Fatalf("Push: %v", err)
				}
				digests[method] = pushed.Digest.String()
				got := files(t, open(t, pushed.Image))
				delete(got, "image-references") // compared as data below
				expect := map[string]string{}
				for name, content := range want {
					if name != "image-references" {
						expect[name] = content
					}
				}
				if diff := cmp.Diff(expect, got); diff != "" {
					t.Errorf("files of the release (-want +got):\n%s", diff)
				}
			}
			if digests[""] != digests[payload.Full] {
				t.Errorf("delta gave %s, full %s", digests[""], digests[payload.Full])
			}
		})
	}
}

// TestAnySetOfChanges assembles random sets of changes both ways.
func TestAnySetOfChanges(t *testing.T) {
	_, seeded := seedSmall(t)
	anySets(t, small(), seeded, 150)
}

// anySets assembles random sets of changes both ways: components that take each other's images, in pairs and in
// rings, or the same one. Either both methods refuse, or they give the same files.
func anySets(t *testing.T, seed payloadtest.Release, seeded payloadtest.Seeded, rounds int) {
	t.Helper()
	release := open(t, seeded.PullSpec)
	cache, err := payload.OpenCache(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	deltas := 0
	for range rounds {
		var changes []payload.Change
		order := random.Perm(len(seed.Components))[:2+random.IntN(min(len(seed.Components)-1, 20))]
		operators := random.IntN(4) == 0
		for i, at := range order {
			from := seed.Components[order[(i+1)%len(order)]]
			if random.IntN(4) == 0 { // not a ring: two may take the same one
				from = seed.Components[random.IntN(len(seed.Components))]
			}
			if to := seed.Components[at]; (len(to.Manifests) == 0 || operators) &&
				(len(to.Manifests) == 0) == (len(from.Manifests) == 0) &&
				to.Name != "cluster-version-operator" {
				changes = append(changes, payload.Change{Component: to.Name, Image: seeded.Images[from.Name]})
			}
		}
		assemble := func(method payload.Method) (map[string]string, error) {
			assembly, err := payload.Assemble(t.Context(), payloadtest.Client(t), release, changes,
				payload.AssembleOptions{Method: method, Cache: cache, SkipManifestCheck: true})
			if err != nil {
				return nil, err
			}
			if assembly.Method == payload.Delta {
				deltas++
			}
			got := map[string]string{}
			for _, file := range assembly.Files() {
				got[file.Name] = string(file.Data)
			}
			return got, nil
		}
		delta, deltaErr := assemble("")
		full, fullErr := assemble(payload.Full)
		if (deltaErr == nil) != (fullErr == nil) {
			t.Fatalf("%v: delta %v, full %v", changes, deltaErr, fullErr)
		}
		if diff := cmp.Diff(full, delta); diff != "" {
			t.Fatalf("%v (-full +delta):\n%s", changes, diff)
		}
	}
	if deltas < rounds/10 {
		t.Errorf("only %d of %d sets were assembled as a delta", deltas, rounds)
	}
}

func TestReferencesOfAChangedComponent(t *testing.T) {
	r, seeded := seedSmall(t)
	client := payloadtest.Client(t)
	release := open(t, seeded.Tagged)
	change := rebuilt(t, r, component(t, "coredns"))
	assembly, err := payload.Assemble(context.Background(), client, release, []payload.Change{change},
		payload.AssembleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pushed, err := assembly.Push(context.Background(), client, r.Host+"/me/release")
	if err != nil {
		t.Fatal(err)
	}
	if pushed.Tag != "4.12.0" {
		t.Errorf("pushed to tag %q, want the name of the release", pushed.Tag)
	}
	got := open(t, pushed.Image)
	want := release.References.DeepCopy()
	want.CreationTimestamp.Time = when.Add(time.Hour)
	want.Annotations["release.openshift.io/from-release"] = seeded.Tagged
	for i := range want.Spec.Tags {
		if want.Spec.Tags[i].Name == "coredns" {
			want.Spec.Tags[i].From.Name = change.Image
			want.Spec.Tags[i].Annotations["io.openshift.build.commit.id"] = strings.Repeat("ab", 20)
			want.Spec.Tags[i].Annotations["io.openshift.release.override"] = "true"
		}
	}
	if diff := cmp.Diff(want, got.References); diff != "" {
		t.Errorf("image-references (-want +got):\n%s", diff)
	}
	if label := got.Image.Config.Config.Labels; label["io.openshift.release"] != "4.12.0" || len(label) != 2 ||
		label["io.openshift.release.base-image-digest"] != release.Image.Config.Config.Labels["io.openshift.release.base-image-digest"] {
		t.Errorf("labels of the release image: %v", label)
	}
}

// TestSourceThatIsNotCommitted puts an image into a release that was built from changed source, and one from the
// commit in its place.
func TestSourceThatIsNotCommitted(t *testing.T) {
	r, seeded := seedSmall(t)
	client := payloadtest.Client(t)
	old := open(t, seeded.PullSpec)
	sum := "sha256:" + strings.Repeat("ab", 32)
	put := func(release *payload.Release, marks map[string]string) *payload.Release {
		t.Helper()
		c := component(t, "coredns")
		image := c.Image(when.Add(time.Hour))
		image.Layers[1]["usr/bin/coredns"] = "changed"
		for key, value := range marks {
			image.Labels[key] = value
		}
		change := payload.Change{Component: "coredns", Image: r.Push(t, "me/components", "coredns", image.Build(t))}
		assembly, err := payload.Assemble(t.Context(), client, release, []payload.Change{change},
			payload.AssembleOptions{})
		if err != nil {
			t.Fatal(err)
		}
		pushed, err := assembly.Push(t.Context(), client, r.Host+"/me/release:changed")
		if err != nil {
			t.Fatal(err)
		}
		return open(t, pushed.Image)
	}
	next := put(old, map[string]string{"io.oc-rebuild.dirty": sum, "io.oc-rebuild.patches": "a.patch,b.patch"})
	got, err := next.Component("coredns")
	if err != nil || got.Change != sum || got.ChangeNote() != "with patches a.patch, b.patch: tree "+sum {
		t.Errorf("the component is %+v, %v", got, err)
	}
	diff := payload.Compare(old, next).Images["coredns"]
	if diff.Rebuilt() || !strings.HasSuffix(diff.CommitsURL(), "/commit/"+commit) {
		t.Errorf("rebuilt: %t, %s", diff.Rebuilt(), diff.CommitsURL())
	}
	clean := put(next, nil)
	if got, err := clean.Component("coredns"); err != nil || got.Change != "" || got.Patches != "" ||
		got.ChangeNote() != "" {
		t.Errorf("the component of a clean tree is %+v, %v", got, err)
	}
	if !payload.Compare(old, clean).Images["coredns"].Rebuilt() {
		t.Error("an image of the same commit is not rebuilt")
	}
}

func TestRefusals(t *testing.T) {
	r, seeded := seedSmall(t)
	release := open(t, seeded.PullSpec)
	operator := component(t, "cluster-dns-operator")
	bare := operator.Image(when)
	delete(bare.Labels, "io.openshift.release.operator")
	image := r.Push(t, "me/components", "bare", bare.Build(t))
	empty := operator.Image(when)
	empty.Layers = empty.Layers[:2]
	tests := []struct {
		description string
		changes     []payload.Change
		kind        fault.Kind
		message     string
	}{
		{"an operator without its label", []payload.Change{{Component: operator.Name, Image: image}}, fault.Unresolved,
			"4 manifests would be lost"},
		{"an operator without its manifests", []payload.Change{{Component: operator.Name,
			Image: r.Push(t, "me/components", "empty", empty.Build(t))}},
			fault.Unresolved, "4 manifests would be lost"},
		{"a component that nobody names", []payload.Change{{Component: "novelty", Image: image}}, fault.Unresolved,
			"no operator of the release names novelty"},
		{"a tag that is not there", []payload.Change{{Component: "cli", Image: r.Host + "/me/components:none"}},
			fault.Unresolved, "to a digest"},
		{"two images for one component", []payload.Change{{Component: "cli", Image: image},
			{Component: "cli", Image: image}},
			fault.Usage, "two images"},
		{"an image that is no pull spec", []payload.Change{{Component: "cli", Image: "docker-archive:/etc/shadow"}},
			fault.Usage, "not a port"},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			_, err := payload.Assemble(context.Background(), payloadtest.Client(t), release, test.changes,
				payload.AssembleOptions{})
			if fault.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.message) {
				t.Errorf("Assemble: %v (kind %d), want %q of kind %d", err, fault.KindOf(err), test.message, test.kind)
			}
		})
	}
}

// TestJustBuilt gives labels and manifests of an image that no registry has yet: nothing of it is read.
func TestJustBuilt(t *testing.T) {
	_, seeded := seedSmall(t)
	release := open(t, seeded.PullSpec)
	change := payload.Change{Component: "machine-config-operator",
		Image: "quay.io/me/mco@sha256:" + strings.Repeat("12", 32), Created: when,
		Labels: with(labels("machine-config-operator"), "io.openshift.release.operator", "true"),
		Manifests: []payload.File{
			{Name: "image-references",
				Data: []byte("kind: ImageStream\napiVersion: image.openshift.io/v1\nspec:\n  tags:\n" +
					"  - {name: cli, from: {kind: DockerImage, name: my.example/cli}}\n  - {name: machine-config-operator, from: {kind: DockerImage, name: my.example/mco}}\n")},
			{Name: "0000_80_mco.yaml",
				Data:    []byte("kind: A\napiVersion: v1\nimage: my.example/mco:latest\nversion: 0.0.1-snapshot\n"),
				ModTime: when.Add(time.Minute)},
			{Name: "extra.yaml", Data: []byte("kind: B\napiVersion: v1\nimages: [ 'my.example/cli' ]\n")},
		}}
	assembly, err := payload.Assemble(context.Background(), payloadtest.Client(t), release, []payload.Change{change},
		payload.AssembleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if assembly.Method != payload.Delta {
		t.Fatalf("assembled by %s: %s", assembly.Method, assembly.Reason)
	}
	got := map[string]string{}
	for _, file := range assembly.Files() {
		got[file.Name] = string(file.Data)
		if file.Name == "image-references" && !file.ModTime.Equal(when.Add(time.Minute)) {
			t.Errorf("image-references has time %s, want that of the newest manifest", file.ModTime)
		}
	}
	want := map[string]string{}
	for name, content := range seeded.Files {
		want[name] = content
	}
	want["0000_80_mco.yaml"] = "kind: A\napiVersion: v1\nimage: " + change.Image + "\nversion: 4.12.0\n"
	want["0000_50_machine-config-operator_extra.yaml"] = "kind: B\napiVersion: v1\nimages: [ '" +
		seeded.Images["cli"] + "' ]\n"
	delete(want, "image-references")
	delete(got, "image-references")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestNothingChanges(t *testing.T) {
	r, seeded := seedSmall(t)
	client := payloadtest.Client(t)
	release := open(t, seeded.PullSpec)
	assembly, err := payload.Assemble(context.Background(), client, release, nil, payload.AssembleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pushed, err := assembly.Push(context.Background(), client, r.Host+"/elsewhere/release:same")
	if err != nil {
		t.Fatal(err)
	}
	if pushed.Digest != release.Digest {
		t.Errorf("an unchanged release has digest %s, not %s", pushed.Digest, release.Digest)
	}
}

// TestOneManifestOnTop replaces an operator by an image that adds a layer with one changed manifest to it: the others
// stay. And an image on the same base is read without that base.
func TestOneManifestOnTop(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	c := component(t, "machine-config-operator")
	c.Manifests["0000_80_second.yaml"] = "kind: B\napiVersion: v1\n"
	release := small()
	for i := range release.Components {
		if release.Components[i].Name == c.Name {
			release.Components[i] = c
		}
	}
	seeded := r.Seed(t, release)
	image := c.Image(when)
	image.Layers = append(image.Layers,
		map[string]string{"manifests/0000_80_second.yaml": "kind: Changed\napiVersion: v1\n"})
	change := payload.Change{Component: c.Name, Image: r.Push(t, "me/components", "patched", image.Build(t))}
	old := open(t, seeded.PullSpec)
	r.Reset()
	got := contents(assemble(t, old, []payload.Change{change}, payload.AssembleOptions{}))
	if got["0000_80_second.yaml"] != "kind: Changed\napiVersion: v1\n" ||
		!strings.Contains(got["0000_80_mco.yaml"], change.Image) {
		t.Errorf("the manifests of the operator: %q", got)
	}
	requests, _ := r.Reset()
	base := openImage(t, seeded.Images[c.Name]).Layers[0].Digest.String()
	for _, request := range requests {
		if strings.HasSuffix(request, base) {
			t.Error("the base layer, which both images share, was read")
		}
	}
}

func openImage(t *testing.T, spec string) *registry.Image {
	t.Helper()
	image, err := payloadtest.Client(t).Image(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// TestNamesOfChanges: each component may be named once, whatever the names of the images are.
func TestNamesOfChanges(t *testing.T) {
	r, seeded := seedSmall(t)
	old := open(t, seeded.PullSpec)
	changes := []payload.Change{rebuilt(t, r, component(t, "cli")), rebuilt(t, r, component(t, "coredns"))}
	// each gets an image that was made for the other
	changes[0].Image, changes[1].Image = changes[1].Image, changes[0].Image
	got := assemble(t, old, changes, payload.AssembleOptions{})
	if text := contents(got)["0000_70_dns_01.yaml"]; !strings.Contains(text, `coredns: "`+changes[1].Image+`"`) ||
		!strings.Contains(text, `cli: "`+changes[0].Image+`"`) {
		t.Errorf("two components changed places:\n%s", text)
	}
}

// TestUnknownSourceIsSaid replaces a component by an image that was built by hand, without labels.
func TestUnknownSourceIsSaid(t *testing.T) {
	r, seeded := seedSmall(t)
	bare := payloadtest.Image{Created: when, Layers: []map[string]string{{"x": "y"}}}
	change := payload.Change{Component: "coredns", Image: r.Push(t, "me/components", "bare", bare.Build(t))}
	got := assemble(t, open(t, seeded.PullSpec), []payload.Change{change}, payload.AssembleOptions{})
	if text := strings.Join(got.Warnings, " "); !strings.Contains(text,
		"coredns has no label io.openshift.build.commit.id") {
		t.Errorf("warnings: %q", text)
	}
}

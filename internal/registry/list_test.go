package registry_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

func TestPlatforms(t *testing.T) {
	for _, test := range []struct {
		wanted, image string
		matches       bool
	}{
		{"linux/arm64", "linux/arm64/v8", true},
		{"linux/arm64/v8", "linux/arm64", true},
		{"linux/arm64/v9", "linux/arm64", true},
		{"linux/amd64/v2", "linux/amd64", true},
		{"linux/amd64/v2", "linux/amd64/v3", false},
		{"linux/arm/v7", "linux/arm", true},
		{"linux/arm/v6", "linux/arm/v7", false},
		{"linux/amd64", "linux/arm64", false},
		{"linux/amd64", "windows/amd64", false},
	} {
		wanted, err := registry.ParsePlatform(test.wanted)
		image, imageErr := registry.ParsePlatform(test.image)
		if err != nil || imageErr != nil || wanted.Matches(image) != test.matches {
			t.Errorf("an image for %s is one for %s: %t (%v, %v)", image, wanted, wanted.Matches(image), err, imageErr)
		}
	}
	for _, text := range []string{"", "linux", "linux/", "/amd64", "linux/amd64/v1/x", "linux/Amd64", "linux/amd64,linux/arm64"} {
		if platform, err := registry.ParsePlatform(text); fault.KindOf(err) != fault.Usage {
			t.Errorf("ParsePlatform(%q) = %v, %v", text, platform, err)
		}
	}
}

// TestVariants chooses from lists with several variants of an architecture, alone and together with other platforms.
func TestVariants(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	image := some(nil).Build(t)
	for _, test := range []struct {
		list         []string
		wanted, says string
	}{
		{[]string{"amd64", "arm64/v9", "arm64/v8"}, "linux/arm64/v8", "linux/arm64/v8"},
		{[]string{"amd64", "arm64/v9", "arm64/v8"}, "linux/arm64", "linux/arm64/v8"},
		{[]string{"amd64", "arm64/v8", "arm64/v9"}, "linux/arm64/v9", "linux/arm64/v9"},
		{[]string{"amd64", "arm64"}, "linux/arm64/v9", "linux/arm64"},
		{[]string{"amd64", "arm64"}, "linux/aarch64", "linux/arm64"},
		{[]string{"arm64", "amd64"}, "linux/x86_64", "linux/amd64"},
		{[]string{"arm/v6", "amd64"}, "linux/arm/v7", "linux/arm/v6"},
		{[]string{"amd64", "arm64/v9"}, "linux/arm64/v8", ""},
		{[]string{"amd64/v3", "arm64"}, "linux/amd64", ""},
	} {
		var children []string
		for _, platform := range test.list {
			arch, variant, _ := strings.Cut(platform, "/")
			child := strings.SplitN(r.Push(t, "a/b", "c", payloadtest.ForArch(t, image, arch+variant)), "@", 2)[1]
			children = append(children, fmt.Sprintf(
				`{"mediaType":"application/vnd.docker.distribution.manifest.v2+json","digest":%q,"size":1,`+
					`"platform":{"os":"linux","architecture":%q,"variant":%q}}`, child, arch, variant))
		}
		const kind = "application/vnd.docker.distribution.manifest.list.v2+json"
		list := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[%s]}`, kind, strings.Join(children, ","))
		put, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+r.Host+"/v2/a/b/manifests/list",
			strings.NewReader(list))
		if err != nil {
			t.Fatal(err)
		}
		put.Header.Set("Content-Type", kind)
		answer, err := http.DefaultClient.Do(put)
		if err != nil || answer.StatusCode != http.StatusCreated {
			t.Fatalf("pushing %s: %+v, %v", list, answer, err)
		}
		answer.Body.Close()
		client := payloadtest.ClientFor(t, test.wanted)
		got, err := client.Image(t.Context(), r.Host+"/a/b:list")
		if fault.KindOf(err) == fault.Unresolved && test.says == "" {
			continue
		}
		if err != nil {
			t.Errorf("%q of %q: %v", test.wanted, test.list, err)
			continue
		}
		want := strings.NewReplacer("linux/", "", "/", "").Replace(test.says)
		if got.Config.Architecture != want {
			t.Errorf("%q of %q: %s, want %s", test.wanted, test.list, got.Config.Architecture, want)
		}
		instances, err := got.Instances([]registry.Platform{client.Platform()})
		if test.says == "linux/arm/v6" { // which only runs there
			continue
		}
		if err != nil || instances[0].Platform.String() != test.says {
			t.Errorf("%q of %q: the instance is %+v, %v", test.wanted, test.list, instances, err)
		}
	}
}

// TestHostileLists gets manifest lists that no builder makes: each is refused, as what cannot be resolved, soon.
func TestHostileLists(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	good := strings.SplitN(r.Push(t, "a/b", "c", some(nil).Build(t)), "@", 2)[1]
	nested := strings.SplitN(r.PushIndex(t, "a/b", "nested",
		map[string]v1.Image{"linux/amd64": some(nil).Build(t)}), "@", 2)[1]
	const (
		image = "application/vnd.docker.distribution.manifest.v2+json"
		list  = "application/vnd.docker.distribution.manifest.list.v2+json"
	)
	child := func(kind, digest, size, platform string) string {
		return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%s,"platform":%s}`, kind, digest, size, platform)
	}
	const amd64 = `{"os":"linux","architecture":"amd64"}`
	of := func(children ...string) string {
		return fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[%s]}`, list, strings.Join(children, ","))
	}
	arm := child(image, good, "500", `{"os":"linux","architecture":"arm64"}`)
	for name, text := range map[string]string{
		"empty":                    of(),
		"not for this machine":     of(arm, child(image, good, "500", `{"os":"linux","architecture":"s390x"}`)),
		"no platforms":             of(arm, child(image, good, "500", `{}`)),
		"a list in a list":         of(arm, child(list, nested, "500", amd64)),
		"said to be an image":      of(arm, child(image, nested, "500", amd64)),
		"a path as digest":         of(arm, child(image, "sha256:../../../etc/passwd", "500", amd64)),
		"a short digest":           of(arm, child(image, good[:len(good)-1], "500", amd64)),
		"an image that is missing": of(arm, child(image, "sha256:"+strings.Repeat("0", 64), "500", amd64)),
		"ten thousand others":      of(strings.TrimSuffix(strings.Repeat(arm+",", 10_000), ",")),
		"larger than any":          of(strings.TrimSuffix(strings.Repeat(arm+",", 40_000), ",")),
		"deep": fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":%s`, list,
			strings.Repeat("[", 100_000)),
		"children of another kind": fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":{"a":1}}`, list),
	} {
		t.Run(name, func(t *testing.T) {
			r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
				if !strings.HasSuffix(request.URL.Path, "/manifests/evil") {
					return false
				}
				w.Header().Set("Content-Type", list)
				_, _ = io.WriteString(w, text)
				return true
			})
			started := time.Now()
			got, err := payloadtest.ClientFor(t, "linux/amd64").Image(t.Context(), r.Host+"/a/b:evil")
			if fault.KindOf(err) != fault.Unresolved {
				t.Errorf("class %d: %v (image %+v)", fault.KindOf(err), err, got)
			}
			if len(fmt.Sprint(err)) > 2000 {
				t.Errorf("an error of %d bytes", len(fmt.Sprint(err)))
			}
			if took := time.Since(started); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

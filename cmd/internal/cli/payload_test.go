package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

var when = time.Date(2023, 1, 12, 18, 29, 52, 0, time.UTC)

// seed pushes a small release and, beside it, another image for its component coredns.
func seed(t *testing.T) (r *payloadtest.Registry, release payloadtest.Seeded, coredns string) {
	t.Helper()
	labels := func(repository string) map[string]string {
		return map[string]string{"io.openshift.build.commit.id": strings.Repeat("4", 40),
			"io.openshift.build.source-location": "https://github.com/openshift/" + repository}
	}
	r = payloadtest.NewRegistry(t)
	operand := payloadtest.Component{Name: "coredns", Labels: labels("coredns")}
	release = r.Seed(t, payloadtest.Release{Name: "4.12.0", Created: when,
		Versions: map[string]string{"kubernetes": "1.25.4"},
		Components: []payloadtest.Component{
			operand,
			{Name: "cluster-dns-operator", Labels: labels("cluster-dns-operator"), Manifests: map[string]string{
				"0000_70_dns.yaml": "# kept\nkind: A\napiVersion: v1\nimage: " + payloadtest.Placeholder("coredns") +
					"\n", "notes.txt": "x\n"},
				Names: []string{"coredns", "hyperkube"}},
			{Name: "cluster-version-operator",
				Manifests: map[string]string{"0000_00_x.yaml": "kind: A\napiVersion: v1\nversion: 0.0.1-snapshot\n"}},
			{Name: "hyperkube", Labels: map[string]string{"io.openshift.build.versions": "kubernetes=1.25.4"}},
		}})
	image := operand.Image(when.Add(time.Hour))
	image.Layers[1]["usr/bin/coredns"] = "another"
	image.Labels["io.openshift.build.commit.id"] = strings.Repeat("5", 40)
	return r, release, r.Push(t, "me/components", "coredns", image.Build(t))
}

// run runs the program and returns what it printed. It fails unless the exit code is the wanted one.
func run(t *testing.T, code int, args ...string) (out, messages string) {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("REGISTRY_AUTH_FILE", "")
	var stdout, stderr bytes.Buffer
	got := cli.Execute(context.Background(), cli.Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr}, "test",
		append([]string{"oc-rebuild"}, args...))
	if got != code {
		t.Fatalf("oc rebuild %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code,
			stdout.String(), stderr.String())
	}
	return stdout.String(), stderr.String()
}

// plain replaces what differs from run to run.
func plain(r *payloadtest.Registry, text string, names map[string]string) string {
	for name, value := range names {
		text = strings.ReplaceAll(text, value, name)
	}
	return strings.ReplaceAll(text, r.Host, "HOST")
}

func digests(release payloadtest.Seeded) map[string]string {
	names := map[string]string{}
	for name, spec := range release.Images {
		_, digest, _ := strings.Cut(spec, "@")
		names["DIGEST-OF-"+name] = digest
	}
	_, digest, _ := strings.Cut(release.PullSpec, "@")
	names["DIGEST-OF-RELEASE"] = digest
	return names
}

func TestInfoText(t *testing.T) {
	r, release, _ := seed(t)
	out, _ := run(t, 0, "info", "--insecure", release.Tagged)
	want := `Name:           4.12.0
Digest:         DIGEST-OF-RELEASE
Created:        2023-01-12T18:29:52Z
OS/Arch:        linux/amd64
Manifests:      2
Metadata files: 1

Pull From: HOST/test/release@DIGEST-OF-RELEASE

Release Metadata:
  Version:  4.12.0
  Upgrades: <none>

Component Versions:
  kubernetes 1.25.4 

Images:
  NAME                     DIGEST
  cluster-dns-operator     DIGEST-OF-cluster-dns-operator
  cluster-version-operator DIGEST-OF-cluster-version-operator
  coredns                  DIGEST-OF-coredns
  hyperkube                DIGEST-OF-hyperkube
`
	if diff := cmp.Diff(want, plain(r, out, digests(release))); diff != "" {
		t.Errorf("info (-want +got):\n%s", diff)
	}
}

func TestInfoModes(t *testing.T) {
	_, release, _ := seed(t)
	commit := strings.Repeat("4", 40)
	tests := map[string]string{
		"--commit-urls": "  coredns                  https://github.com/openshift/coredns/commit/" + commit + "\n",
		"--commits": "  coredns                  https://github.com/openshift/coredns              " + commit +
			"\n",
		"--pullspecs": "  coredns                  " + release.Images["coredns"] + "\n",
		"--size":      "  coredns                  ",
		"--verify": strings.SplitN(release.PullSpec, "@", 2)[1] +
			" 2023-01-12T18:29:52Z 4.12.0\n",
		"--contents":                          "# 0000_70_dns.yaml\n# kept\nkind: A\n",
		"--image-for=coredns":                 release.Images["coredns"] + "\n",
		"-oname":                              "cluster-dns-operator\ncluster-version-operator\ncoredns\nhyperkube\n",
		"-opullspec":                          release.Images["coredns"] + "\n" + release.Images["hyperkube"] + "\n",
		"-odigest":                            strings.SplitN(release.Images["coredns"], "@", 2)[1] + "\n",
		"-ojsonpath={.metadata.version}":      "4.12.0",
		"-ogo-template={{.metadata.version}}": "4.12.0",
		"--template={{.metadata.version}}":    "4.12.0",
		"-oyaml":                              "contentDigest: sha256:",
	}
	for flag, want := range tests {
		if out, _ := run(t, 0, "info", "--insecure", release.PullSpec, flag); !strings.Contains(out, want) {
			t.Errorf("info %s lacks %q:\n%s", flag, want, out)
		}
	}
	// The names are oc's: scripts read them.
	for path, want := range map[string]string{
		"{.displayVersions.kubernetes.Version}": "1.25.4", "{.config.id}{.config.container_config}": "{}",
		"{.listDigest}":          "",
		"{.images.coredns.name}": release.Images["coredns"], "{.image}": release.PullSpec,
		"{.references.kind}": "ImageStream",
	} {
		if out, _ := run(t, 0, "info", "--insecure", release.PullSpec, "--include-images", "-o",
			"jsonpath="+path); out != want {
			t.Errorf("%s is %q, want %q", path, out, want)
		}
	}
	var info struct {
		Images map[string]struct{ Layers []any }
	}
	out, _ := run(t, 0, "info", "--insecure", release.PullSpec, "--include-images", "-o", "json")
	if err := json.Unmarshal([]byte(out), &info); err != nil || len(info.Images["coredns"].Layers) != 2 {
		t.Errorf("the images of the json: %+v, %v", info, err)
	}
	for _, args := range [][]string{{"--size", "--verify"}, {"-o", "nonsense"}, {"-ojsonpath={"},
		{"--image-for=coredns", "-ojson"},
		{"-ojsonpath={.none}", "--allow-missing-template-keys=false"}, {"--filter-by-os=plan9"}, {"--filter-by-os=("},
		{"--max-per-registry=-1"},
		{"--changelog", t.TempDir()}} {
		run(t, 2, append([]string{"info", "--insecure", release.PullSpec}, args...)...)
	}
	if _, errors := run(t, 3, "info", "--insecure", release.PullSpec, "--image-for=coredn"); !strings.Contains(errors,
		"Did you mean coredns") {
		t.Errorf("an unknown component: %s", errors)
	}
}

// TestInfoOfACluster asks a server that answers as a cluster does.
func TestInfoOfACluster(t *testing.T) {
	_, release, _ := seed(t)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.URL.Path != "/apis/config.openshift.io/v1/clusterversions/version" ||
			request.Header.Get("Authorization") != "Bearer canary" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w,
			`{"status":{"desired":{"image":"`+release.PullSpec+`"},"history":[{"version":"4.12.0","image":"`+release.PullSpec+`"}]}}`)
	}))
	defer server.Close()
	config := filepath.Join(t.TempDir(), "kubeconfig")
	write := func(token string) {
		text := "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: k, cluster: {insecure-skip-tls-verify: true, server: '" + server.URL + "'}}]\n" +
			"users: [{name: u, user: {token: " + token + "}}]\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("canary")
	if out, _ := run(t, 0, "info", "--insecure", "--kubeconfig", config,
		"-ojsonpath={.image}"); out != release.PullSpec {
		t.Errorf("the release of the cluster: %s", out)
	}
	out, errors := run(t, 0, "info", "--insecure", "--kubeconfig", config, "4.12.0", "-ojsonpath={.image}")
	if out != release.PullSpec || !strings.Contains(errors, "4.12.0 is "+release.PullSpec) {
		t.Errorf("a version of the cluster's history: %s, %s", out, errors)
	}
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"nodes":[{"version":"4.12.7","payload":"`+release.PullSpec+`"}]}`)
	}))
	defer service.Close()
	arguments := []string{"info", "--insecure", "--kubeconfig", config, "--update-service", service.URL,
		"-ojsonpath={.image}"}
	if out, _ := run(t, 0, append(arguments, "4.12.7")...); out != release.PullSpec {
		t.Errorf("a version that the cluster never ran: %s", out)
	}
	run(t, 3, append(arguments, "4.12.8")...)
	three, _ := run(t, 0, "info", "--insecure", "-oname", release.PullSpec, release.PullSpec, release.PullSpec)
	if strings.Count(three, "coredns\n") != 3 {
		t.Errorf("three payloads: %s", three)
	}
	_, errors = run(t, 0, "info", "--insecure", release.PullSpec, "--skip-verification", "--skip-bug-check",
		"--max-per-registry=3",
		"--filter-by-os=linux/amd64")
	if strings.Count(errors, "is ignored") != 2 {
		t.Errorf("flags that do nothing: %s", errors)
	}
	write("wrong-token")
	if _, errors := run(t, 4, "info", "--kubeconfig", config); strings.Contains(errors, "wrong-token") {
		t.Errorf("the error shows the token: %s", errors)
	}
	run(t, 2, "info", "--kubeconfig", filepath.Join(t.TempDir(), "none"))
}

// TestNew replaces an image, and compares the payloads.
func TestNew(t *testing.T) {
	r, release, image := seed(t)
	out, errors := run(t, 0, "new", "--insecure", "--from-release", release.PullSpec, "--to-image",
		r.Host+"/me/release:new", "coredns="+image)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	pushed := lines[len(lines)-1]
	if len(lines) != 1 || !strings.HasPrefix(pushed, r.Host+"/me/release@sha256:") ||
		!strings.Contains(errors, "assembled by delta") {
		t.Fatalf("new printed %q and %q", out, errors)
	}
	diff, _ := run(t, 0, "info", "--insecure", release.PullSpec, pushed, "--commits")
	want := "Images Changed:\n  coredns https://github.com/openshift/coredns/compare/" +
		strings.Repeat("4", 40) + "..." +
		strings.Repeat("5", 40) + "\n"
	if !strings.Contains(diff, want) {
		t.Errorf("the difference lacks %q:\n%s", want, diff)
	}
	unified, _ := run(t, 0, "info", "--insecure", release.PullSpec, pushed, "--contents")
	if want := "-image: " + release.Images["coredns"] + "\n+image: " + image + "\n"; !strings.Contains(unified, want) {
		t.Errorf("the unified diff lacks %q:\n%s", want, unified)
	}
	again, _ := run(t, 0, "new", "--insecure", "--from-release", release.PullSpec, "--to-image",
		r.Host+"/me/release:again",
		"--method=full", "coredns="+image)
	if again != out {
		t.Errorf("by full extraction the payload is %s", again)
	}
	same, _ := run(t, 0, "new", "--insecure", "--from-release", release.PullSpec, "--to-image",
		r.Host+"/test/release:same")
	if strings.TrimSpace(same) != release.PullSpec {
		t.Errorf("an unchanged payload became %s", same)
	}
	byTag, _ := run(t, 0, "new", "--insecure", "--from-release", release.PullSpec, "--to-image",
		r.Host+"/me/release:tag",
		"coredns="+r.Host+"/me/components:coredns", "-o", "json")
	if !strings.Contains(byTag, `"name": "`+image+`"`) {
		t.Errorf("a tag was not resolved to its digest:\n%s", byTag)
	}
}

func TestNewElsewhere(t *testing.T) {
	r, release, image := seed(t)
	directory := t.TempDir()
	run(t, 0, "new", "--insecure", "--from-release", release.PullSpec, "--to-dir", directory, "--name",
		"4.12.0-mine.1", "coredns="+image)
	data, err := os.ReadFile(filepath.Join(directory, "0000_00_x.yaml"))
	if err != nil || !strings.Contains(string(data), "version: 4.12.0-mine.1") {
		t.Errorf("the manifest: %s, %v", data, err)
	}
	out, _ := run(t, 0, "new", "--insecure", "--from-release", release.PullSpec, "--mirror",
		r.Host+"/all/in-one", "--to-image",
		r.Host+"/all/in-one:release")
	pullspecs, _ := run(t, 0, "info", "--insecure", strings.TrimSpace(out), "--pullspecs", "--jobs=2")
	if strings.Count(pullspecs, r.Host+"/all/in-one@sha256:") != 5 { // the release and its four components
		t.Errorf("not everything is in one repository:\n%s", pullspecs)
	}
	run(t, 0, "info", "--insecure", strings.TrimSpace(out), "--verify")
	before, _ := r.Reset()
	dry, _ := run(t, 0, "new", "--insecure", "--from-release", release.PullSpec, "--dry-run", "--name", "4.12.0-mine.2")
	requests, _ := r.Reset()
	if !strings.HasPrefix(dry, "sha256:") || len(before) == 0 {
		t.Errorf("a dry run printed %q", dry)
	}
	for _, request := range requests {
		if !strings.HasPrefix(request, "GET ") {
			t.Errorf("a dry run sent %s", request)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	r, release, image := seed(t)
	to := []string{"new", "--insecure", "--from-release", release.PullSpec, "--to-image", r.Host + "/me/release:x"}
	tests := map[string]struct {
		args    []string
		code    int
		message string
	}{
		"an operator without manifests": {append(to, "cluster-dns-operator="+image), 3, "manifests would be lost"},
		"a component nobody names":      {append(to, "novelty="+image), 3, "no operator of the release names novelty"},
		"the same component twice":      {append(to, "coredns="+image, "coredns="+image), 2, "two images"},
		"an image that is not there":    {append(to, "coredns="+r.Host+"/me/none:x"), 3, "me/none"},
		"a version that is none":        {append(to, "--name", "new"), 2, "semantic version"},
		"two sources":                   {append(to, "--from-dir", "x"), 2, "only one of"},
		"no destination":                {[]string{"new", "coredns=" + image}, 2, "nothing says where"},
		"nothing":                       {[]string{"new", "--to-image", "q.io/x"}, 2, "must specify image mappings"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, errors := run(t, test.code, test.args...); !strings.Contains(errors, test.message) {
				t.Errorf("the error lacks %q:\n%s", test.message, errors)
			}
		})
	}
}

func TestExtract(t *testing.T) {
	r, release, _ := seed(t)
	directory := t.TempDir()
	r.Reset()
	run(t, 0, "extract", "--insecure", release.PullSpec, "--to", directory)
	if requests, _ := r.Reset(); len(requests) > 4 {
		t.Errorf("extract read more than the release layer: %v", requests)
	}
	for name, want := range release.Files {
		if data, err := os.ReadFile(filepath.Join(directory, name)); err != nil || string(data) != want {
			t.Errorf("%s was extracted as %q, %v", name, data, err)
		}
	}
	if out, _ := run(t, 0, "extract", "--insecure", release.PullSpec, "--file",
		"image-references"); out != release.Files["image-references"] {
		t.Errorf("image-references: %s", out)
	}
	run(t, 3, "extract", "--insecure", release.PullSpec, "--file", "none")
	run(t, 2, "extract", "--insecure", release.PullSpec, "--tools", "--file", "x")
	run(t, 2, "extract", "--insecure", release.PullSpec, "--signing-key", "x")
}

func TestMirror(t *testing.T) {
	r, release, _ := seed(t)
	other := payloadtest.NewRegistry(t)
	out, _ := run(t, 0, "mirror", "--insecure", "--from", release.PullSpec, "--to", other.Host+"/my/okd")
	for _, want := range []string{"Success: 5 images copied",
		"Update image:  " + other.Host + "/my/okd:4.12.0-x86_64\n",
		"imageDigestMirrors:", "source: " + r.Host + "/test/component\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("mirror did not print %q:\n%s", want, out)
		}
	}
	again, _ := run(t, 0, "mirror", "--insecure", release.PullSpec, "--to", other.Host+"/my/okd",
		"--print-mirror-instructions=none")
	if !strings.Contains(again, "Success: 0 images copied, 5 were there, 0.0 MB sent") {
		t.Errorf("the second time: %s", again)
	}
	for _, layout := range []string{"v2", "oci"} {
		directory := t.TempDir()
		run(t, 0, "mirror", "--insecure", "--from", release.PullSpec, "--to-dir", directory, "--layout", layout)
		third := payloadtest.NewRegistry(t)
		run(t, 0, "mirror", "--insecure", "--from-dir", directory, "--to", third.Host+"/a")
		if out, _ := run(t, 0, "info", "--insecure", third.Host+"/a:4.12.0-x86_64",
			"-ojsonpath={.digest}"); !strings.HasSuffix(release.PullSpec,
			strings.TrimSpace(out)) {
			t.Errorf("the release at the end of the way through %s: %s", layout, out)
		}
	}
	list, _ := run(t, 0, "mirror", "--insecure", release.PullSpec, "--to", "q.io/x", "--to-mirror")
	if want := release.Images["coredns"] + " q.io/x:4.12.0-x86_64-coredns\n"; !strings.Contains(list, want) {
		t.Errorf("--to-mirror did not print %q:\n%s", want, list)
	}
	run(t, 2, "mirror", "--insecure", release.PullSpec)
	run(t, 2, "mirror", "--insecure", release.PullSpec, "--to", "q.io/x:tag")
}

// TestSignatures verifies a payload with a key, and without.
func TestSignatures(t *testing.T) {
	_, release, _ := seed(t)
	_, digest, _ := strings.Cut(release.PullSpec, "@")
	publisher, err := openpgp.NewEntity("publisher", "", "publisher@example.org", nil)
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	store := filepath.Join(directory, "store")
	place := filepath.Join(store, strings.Replace(digest, ":", "=", 1))
	var key, message bytes.Buffer
	if err := publisher.Serialize(&key); err != nil {
		t.Fatal(err)
	}
	w, err := openpgp.Sign(&message, publisher, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(w,
		`{"critical":{"type":"atomic container signature","image":{"docker-manifest-digest":"`+digest+`"}}}`)
	if err := errors.Join(w.Close(), os.MkdirAll(place, 0o700),
		os.WriteFile(filepath.Join(directory, "key"), key.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	verify := []string{"info", "--insecure", release.PullSpec, "-oname", "--signature-key",
		filepath.Join(directory, "key"),
		"--signature-store", store}
	if _, text := run(t, 3, verify...); !strings.Contains(text, "no valid signature") {
		t.Errorf("a payload without a signature: %s", text)
	}
	if _, text := run(t, 0, append(verify, "--verify-signature=warn")...); !strings.Contains(text,
		"warning: release "+digest) {
		t.Errorf("a warning: %s", text)
	}
	run(t, 0, append(verify, "--verify-signature=off")...)
	run(t, 2, "info", "--insecure", release.PullSpec, "--verify-signature=require")
	if err := os.WriteFile(filepath.Join(place, "signature-1"), message.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, 0, verify...)
	mirrored := filepath.Join(directory, "mirror")
	run(t, 0, append([]string{"mirror", "--to-dir", mirrored}, append(verify[1:3:3], verify[4:]...)...)...)
	data, err := os.ReadFile(filepath.Join(mirrored, "config", "signature-sha256-"+digest[7:23]+".json"))
	if err != nil || !strings.Contains(string(data), "verification-signatures") {
		t.Errorf("the signature beside the mirror: %s, %v", data, err)
	}
	const path = "/api/v1/namespaces/openshift-config-managed/configmaps/"
	server := serveCluster(t, map[string]string{})
	apply := append([]string{"mirror", "--to-dir", mirrored, "--apply-release-image-signature"},
		append(verify[1:3:3], verify[4:]...)...)
	run(t, 0, apply...)
	if got := server.Get(path + "sha256-" + digest[7:]); !strings.Contains(got, "verification-signatures") {
		t.Errorf("the cluster has %s", got)
	}
	if _, text := run(t, 6, apply...); !strings.Contains(text, "--overwrite replaces it") {
		t.Errorf("a second time: %s", text)
	}
	run(t, 0, append(apply, "--overwrite")...)
	// nothing was verified
	run(t, 2, "mirror", "--insecure", release.PullSpec, "--to-dir", mirrored, "--apply-release-image-signature")
}

// TestMirrorRulesAreForEveryImage reads a payload and all its images from a mirror; the registry that they are named
// in does not exist.
func TestMirrorRulesAreForEveryImage(t *testing.T) {
	r, release, _ := seed(t)
	_, digest, _ := strings.Cut(release.PullSpec, "@")
	rules := filepath.Join(t.TempDir(), "idms.yaml")
	text := "apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nspec:\n  imageDigestMirrors:\n" +
		"  - {source: registry.invalid/test, mirrors: [" + r.Host + "/test]}\n  - {source: " + r.Host +
		"/test/component, mirrors: [" +
		r.Host + "/test/component]}\n"
	if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"info", "--size"}, {"info", "--verify"}, {"extract", "--to", t.TempDir()},
		{"new", "--dry-run", "--name", "4.12.0-x.1", "--from-release"}} {
		run(t, 0, append(args, "registry.invalid/test/release@"+digest, "--insecure", "--idms-file", rules)...)
	}
}

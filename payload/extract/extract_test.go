package extract_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/extract"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

var when = time.Date(2023, 1, 12, 18, 29, 52, 0, time.UTC)

// binary is a file with places for values, as the Go linker lays them out.
func binary(name string) string {
	mark := func(text string, room int) string { return "\x00" + text + "\x00" + strings.Repeat("X", room) + "\x00" }
	return name + strings.Repeat("\x7f", 1<<20-20) + // a marker lies across two windows of the search
		mark("_RELEASE_VERSION_LOCATION_", 64) + "between" + mark("_RELEASE_IMAGE_LOCATION_", 300) +
		mark("_RELEASE_ARCHITECTURE_LOCATION_", 64) +
		mark("_RELEASE_VERSION_LOCATION_", 64) + "end"
}

// seed pushes a release with the images that tools are in; both cli images share a layer.
func seed(t *testing.T) (*payloadtest.Registry, *payload.Release) {
	t.Helper()
	r := payloadtest.NewRegistry(t)
	shared := map[string]string{"usr/bin/oc": binary("linux oc")}
	artifacts := map[string]string{}
	for _, directory := range []string{"mac", "mac_arm64", "linux_arm64", "linux_ppc64le"} {
		artifacts["usr/share/openshift/"+directory+"/oc"] = binary(directory + " oc")
	}
	artifacts["usr/share/openshift/windows/oc.exe"] = binary("windows oc")
	installers := map[string]string{"usr/share/openshift/mac/openshift-install": binary("mac installer"),
		"usr/share/openshift/mac_arm64/openshift-install": binary("arm installer")}
	layers := map[string][]map[string]string{
		"cli":           {{"etc/x": "y"}, shared},
		"cli-artifacts": {{"etc/x": "y"}, shared, artifacts, {"usr/share/openshift/linux_ppc64le/.wh.oc": ""}},
		"installer": {{"usr/bin/openshift-install": "old"},
			{"usr/bin/openshift-install": binary("installer")}},
		"installer-artifacts": {installers},
	}
	release := payloadtest.Release{Name: "4.12.0", Created: when}
	images := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(layers)) {
		image := payloadtest.Image{Created: when, Layers: layers[name]}
		images[name] = r.Push(t, "test/tools", name, image.Build(t))
		release.Components = append(release.Components, payloadtest.Component{Name: name, Pushed: images[name]})
	}
	release.Components = append(release.Components,
		payloadtest.Component{Name: "cluster-version-operator", Manifests: map[string]string{
			"0000_10_all.yaml":   "# a comment\nkind: ConfigMap\napiVersion: v1\nmetadata:\n  annotations: {include.release.openshift.io/self-managed-high-availability: \"true\"}\n",
			"0000_20_mixed.yaml": "---\n# one\nkind: A\napiVersion: v1\nmetadata: {annotations: {include.release.openshift.io/single-node-developer: \"true\"}}\n---\n# two\nkind: B\napiVersion: v1\nmetadata: {annotations: {include.release.openshift.io/self-managed-high-availability: \"true\", release.openshift.io/feature-gate: Turned}}\n",
			"0000_30_aws.yaml":   "kind: CredentialsRequest\napiVersion: cloudcredential.openshift.io/v1\nspec: {providerSpec: {kind: AWSProviderSpec}}\n",
			"0000_30_gcp.yaml":   "kind: CredentialsRequest\napiVersion: cloudcredential.openshift.io/v1\nspec: {providerSpec: {kind: GCPProviderSpec}}\n",
			"0000_40_gates.yaml": "kind: FeatureGate\napiVersion: config.openshift.io/v1\nmetadata: {annotations: {include.release.openshift.io/self-managed-high-availability: false-except-for-the-config-operator, release.openshift.io/feature-set: Default}}\nstatus: {featureGates: [{enabled: [{name: Turned}]}]}\n",
			"0000_50_tech.yaml":  "kind: C\napiVersion: v1\nmetadata: {annotations: {include.release.openshift.io/self-managed-high-availability: \"true\", release.openshift.io/feature-set: TechPreviewNoUpgrade}}\n",
			"0000_60_off.yaml":   "kind: D\napiVersion: v1\nmetadata: {annotations: {include.release.openshift.io/self-managed-high-availability: \"true\", release.openshift.io/feature-gate: \"-Turned\"}}\n",
			"0000_70_cap.yaml":   "kind: E\napiVersion: v1\nmetadata: {annotations: {include.release.openshift.io/self-managed-high-availability: \"true\", capability.openshift.io/name: Console}}\n",
		}})
	seeded := r.Seed(t, release)
	opened, err := payload.Open(context.Background(), payloadtest.Client(t), seeded.PullSpec)
	if err != nil {
		t.Fatal(err)
	}
	return r, opened
}

// stamped is a binary with values written over the first place for each.
func stamped(name string, values map[string]string) string {
	text := binary(name)
	for mark, value := range values {
		at := strings.Index(text, "\x00"+mark)
		text = text[:at] + value + "\x00" + text[at+len(value)+1:]
	}
	return text
}

func TestAllTools(t *testing.T) {
	r, release := seed(t)
	directory := t.TempDir()
	entity, err := openpgp.NewEntity("tester", "", "tester@example.org", nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := extract.ReadSigner(keyFile(t, entity), nil)
	if err != nil {
		t.Fatal(err)
	}
	var warnings []string
	r.Reset()
	names, err := extract.Tools{Directory: directory, Platform: "*", Summary: "Name: 4.12.0\n", SigningKey: signer,
		Warn: func(w string) { warnings = append(warnings, w) }}.Extract(context.Background(),
		payloadtest.Client(t), release)
	if err != nil {
		t.Fatal(err)
	}
	requests, _ := r.Reset()
	reads := map[string]int{}
	for _, request := range requests {
		if _, digest, ok := strings.Cut(request, "/blobs/"); ok {
			reads[digest]++
		}
	}
	for digest, n := range reads {
		if n > 1 {
			t.Errorf("blob %s was read %d times", digest, n)
		}
	}
	want := []string{"openshift-client-linux-4.12.0.tar.gz", "openshift-client-linux-arm64-4.12.0.tar.gz",
		"openshift-client-mac-4.12.0.tar.gz", "openshift-client-mac-arm64-4.12.0.tar.gz",
		"openshift-client-windows-4.12.0.zip", "openshift-install-linux-4.12.0.tar.gz",
		"openshift-install-mac-4.12.0.tar.gz",
		"openshift-install-mac-arm64-4.12.0.tar.gz",
		"release.txt", "sha256sum.txt", "sha256sum.txt.asc"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if text := strings.Join(warnings, "\n"); !strings.Contains(text, "no cloud-credential-operator") ||
		!strings.Contains(text, "linux_ppc64le/oc: file does not exist") {
		t.Errorf("warnings:\n%s", text)
	}
	version := map[string]string{"_RELEASE_VERSION_LOCATION_": "4.12.0"}
	all := map[string]string{"_RELEASE_VERSION_LOCATION_": "4.12.0", "_RELEASE_IMAGE_LOCATION_": release.PullSpec,
		"_RELEASE_ARCHITECTURE_LOCATION_": "linux/amd64"}
	for name, want := range map[string]string{"openshift-client-linux-4.12.0.tar.gz": stamped("linux oc", version),
		"openshift-client-mac-arm64-4.12.0.tar.gz": stamped("mac_arm64 oc", version)} {
		if got := untar(t, filepath.Join(directory, name)); got["oc"] != want || got["kubectl"] != "link to oc" ||
			!strings.Contains(got["README.md"], "oc") {
			t.Errorf("%s has %v; oc is as wanted: %t", name, slices.Sorted(maps.Keys(got)), got["oc"] == want)
		}
	}
	if got := untar(t, filepath.Join(directory,
		"openshift-install-linux-4.12.0.tar.gz")); got["openshift-install"] != stamped("installer", all) {
		t.Error("openshift-install does not have the release in it")
	}
	if got := unzip(t, filepath.Join(directory,
		"openshift-client-windows-4.12.0.zip")); got["oc.exe"] != stamped("windows oc",
		version) || !strings.Contains(got["README.md"], "\r\n") {
		t.Errorf("the zip has %v", slices.Sorted(maps.Keys(got)))
	}
	checkSums(t, directory)
	sums, signature := readFile(t, filepath.Join(directory, "sha256sum.txt")),
		readFile(t, filepath.Join(directory, "sha256sum.txt.asc"))
	if _, err := openpgp.CheckArmoredDetachedSignature(openpgp.EntityList{entity}, strings.NewReader(sums),
		strings.NewReader(signature), nil); err != nil {
		t.Errorf("the signature of the checksums: %v", err)
	}
	if entries, err := os.ReadDir(directory); err != nil || len(entries) != len(want) {
		t.Errorf("%d files in the directory, %v", len(entries), err)
	}
}

// Without a platform there are the archives for this machine alone.
func TestToolsOfThisMachine(t *testing.T) {
	_, release := seed(t)
	directory := t.TempDir()
	names, err := extract.Tools{Directory: directory}.Extract(context.Background(), payloadtest.Client(t), release)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".gz") && !strings.Contains(name, "-linux") || strings.HasSuffix(name, ".zip") {
			t.Errorf("%s is not for linux", name)
		}
	}
	info, err := os.Stat(filepath.Join(directory, "openshift-client-linux-4.12.0.tar.gz"))
	if err != nil || info.Mode().Perm() != 0o755 || !info.ModTime().Equal(when) {
		t.Errorf("an archive: %v, %v", info, err)
	}
}

func TestOneCommand(t *testing.T) {
	_, release := seed(t)
	directory := t.TempDir()
	names, err := extract.Tools{Directory: directory, Command: "openshift-install",
		Platform: "mac/arm64"}.Extract(context.Background(), payloadtest.Client(t), release)
	if err != nil || !slices.Equal(names, []string{"openshift-install"}) {
		t.Fatalf("Extract: %v, %v", names, err)
	}
	info, err := os.Stat(filepath.Join(directory, "openshift-install"))
	if err != nil || info.Mode().Perm()&0o111 == 0 {
		t.Errorf("the command: %v, %v", info, err)
	}
	for command, kind := range map[string]fault.Kind{"nonsense": fault.Usage, "ccoctl": fault.Unresolved} {
		_, err := extract.Tools{Directory: directory, Command: command,
			Platform: "linux/amd64"}.Extract(context.Background(),
			payloadtest.Client(t), release)
		if fault.KindOf(err) != kind {
			t.Errorf("extracting %s: %v", command, err)
		}
	}
}

func TestSelect(t *testing.T) {
	_, release := seed(t)
	tests := map[string]struct {
		filter extract.Filter
		want   []string
	}{
		"everything": {extract.Filter{}, []string{"10_all", "20_mixed", "30_aws", "30_gcp", "40_gates", "50_tech",
			"60_off", "70_cap"}},
		"a cluster": {extract.Filter{Cluster: &extract.Cluster{Major: "4"}}, []string{"10_all", "20_mixed", "70_cap"}},
		"tech preview": {extract.Filter{Cluster: &extract.Cluster{FeatureSet: "TechPreviewNoUpgrade"}},
			[]string{"10_all", "50_tech", "60_off", "70_cap"}},
		"no console": {extract.Filter{Cluster: &extract.Cluster{Capabilities: []string{}}},
			[]string{"10_all", "20_mixed"}},
		"credentials": {extract.Filter{CredentialsRequests: true}, []string{"30_aws", "30_gcp"}},
		"all of a cloud": {extract.Filter{Cloud: "gcp"},
			[]string{"10_all", "20_mixed", "30_gcp", "40_gates", "50_tech", "60_off", "70_cap"}},
		"of a platform": {extract.Filter{CredentialsRequests: true, Cluster: &extract.Cluster{Platform: "gcp"}},
			[]string{"30_gcp"}},
		"without a cloud": {extract.Filter{CredentialsRequests: true,
			Cluster: &extract.Cluster{Platform: "none"}}, nil},
		"of a cloud": {extract.Filter{CredentialsRequests: true, Cloud: "aws", Cluster: &extract.Cluster{}},
			[]string{"30_aws"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			files, err := test.filter.Select(release)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, file := range files {
				got = append(got, strings.TrimSuffix(strings.TrimPrefix(file.Name, "0000_"), ".yaml"))
				if file.Name == "0000_10_all.yaml" && !strings.HasPrefix(string(file.Data), "# a comment\n") {
					t.Errorf("the comment is lost:\n%s", file.Data)
				}
				if file.Name == "0000_20_mixed.yaml" && test.filter.Cluster != nil &&
					(!strings.HasPrefix(string(file.Data), "---\n# two\nkind: B") ||
						strings.Contains(string(file.Data), "kind: A")) {
					t.Errorf("the wrong object was kept:\n%s", file.Data)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
	if _, err := (extract.Filter{CredentialsRequests: true,
		Cloud: "moon"}).Select(release); fault.KindOf(err) != fault.Usage {
		t.Errorf("an unknown cloud: %v", err)
	}
}

func TestReadInstallConfig(t *testing.T) {
	const start = "apiVersion: v1\nplatform: {aws: {region: x}}\n"
	cluster, err := extract.ReadInstallConfig([]byte(start +
		"featureSet: CustomNoUpgrade\nfeatureGates: [A=true, B=false]\n" +
		"capabilities: {baselineCapabilitySet: None, additionalEnabledCapabilities: [Console]}\n"))
	want := extract.Cluster{FeatureSet: "CustomNoUpgrade", Gates: []string{"A"},
		Capabilities: []string{"Console"}, Platform: "aws"}
	if diff := cmp.Diff(want, cluster); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for text, problem := range map[string]string{
		"hello: world":        "its apiVersion is",
		"platform: {aws: {}}": "its apiVersion is",
		"apiVersion: v1":      "names 0 platforms",
		"apiVersion: v1\nplatform: {aws: {}, gcp: {}}":        "names 2 platforms (aws, gcp)",
		"apiVersion: v1\nplatform: [aws]":                     "not an install-config",
		start + "capabilities: {baselineCapabilitySet: v0.0}": "unknown baseline",
	} {
		if _, err := extract.ReadInstallConfig([]byte(text)); fault.KindOf(err) != fault.Usage ||
			!strings.Contains(err.Error(), problem) {
			t.Errorf("%q: %v, want an error of usage with %q", text, err, problem)
		}
	}
}

func keyFile(t *testing.T, entity *openpgp.Entity) string {
	t.Helper()
	var text bytes.Buffer
	w, err := armor.Encode(&text, openpgp.PrivateKeyType, nil)
	if err == nil {
		err = errors.Join(entity.SerializePrivate(w, nil), w.Close())
	}
	path := filepath.Join(t.TempDir(), "key.asc")
	if err = errors.Join(err, os.WriteFile(path, text.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func checkSums(t *testing.T, directory string) {
	t.Helper()
	for line := range strings.Lines(readFile(t, filepath.Join(directory, "sha256sum.txt"))) {
		want, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if sum := sha256.Sum256([]byte(readFile(t,
			filepath.Join(directory, name)))); hex.EncodeToString(sum[:]) != want {
			t.Errorf("the checksum of %s is wrong", name)
		}
	}
}

func untar(t *testing.T, path string) map[string]string {
	t.Helper()
	compressed, err := gzip.NewReader(strings.NewReader(readFile(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(compressed); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil || !header.ModTime.Equal(when) {
			t.Errorf("%s in %s: %v, time %s", header.Name, path, err, header.ModTime)
		}
		files[header.Name] = string(data)
		if header.Typeflag == tar.TypeLink {
			files[header.Name] = "link to " + header.Linkname
		}
	}
}

func unzip(t *testing.T, path string) map[string]string {
	t.Helper()
	r, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	files := map[string]string{}
	for _, file := range r.File {
		content, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		files[file.Name] = string(data)
	}
	return files
}

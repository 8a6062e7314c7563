package machine

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestKnownHoles(t *testing.T) {
	tests := []struct {
		runtime, version string
		want             int
	}{
		{"runc", "1.1.5", 2}, {"runc", "1.1.12", 1}, {"runc", "1.2.7", 1}, {"runc", "1.2.8", 0}, {"runc", "1.3.0", 2},
		{"runc", "1.3.3", 1},
		{"runc", "1.3.6", 0}, {"runc", "1.4.0", 0}, {"crun", "1.4.3", 1}, {"crun", "1.8.1", 0}, {"crun", "", 0},
		{"kata", "1.0.0", 0},
	}
	for _, test := range tests {
		if got := knownHoles(test.runtime, test.version); len(got) != test.want {
			t.Errorf("knownHoles(%q, %q) = %q, want %d", test.runtime, test.version, got, test.want)
		}
	}
}

func TestSubordinateIDs(t *testing.T) {
	tests := []struct {
		description, content string
		want                 State
		message              string
	}{
		{"by name", "someone:100000:65536\n", OK, "65536 IDs"},
		{"by ID", "1000:100000:65536\n", OK, "65536 IDs"},
		{"two ranges", "someone:100000:32768\nsomeone:200000:32768\n", OK, "65536 IDs"},
		{"too few", "someone:100000:1000\n", Note, "1000 IDs"},
		{"somebody else's", "other:100000:65536\n", Note, "0 IDs"},
		{"nonsense", "someone:x:y\nsomeone\n\x00::\nsomeone:1:-5\n", Note, "0 IDs"},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "subuid")
			if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			got := subordinate(path, "--add-subuids", "someone", 1000)
			if got.State != test.want || !strings.Contains(got.Message, test.message) ||
				(got.State == OK) != (got.Advice == "") {
				t.Errorf("subordinate() = %+v, want %s with %q", got, test.want, test.message)
			}
		})
	}
	if got := subordinate(filepath.Join(t.TempDir(), "absent"), "--add-subuids", "someone", 1000); got.State != Note ||
		got.Advice == "" {
		t.Errorf("subordinate() without a file = %+v, want advice", got)
	}
}

func TestMapper(t *testing.T) {
	directory := t.TempDir()
	t.Setenv("PATH", directory)
	if got := mapper("newuidmap"); got.State != Problem || !strings.Contains(got.Advice, "uidmap") {
		t.Errorf("mapper() without the program = %+v, want advice to install it", got)
	}
	path := filepath.Join(directory, "newuidmap")
	if err := os.WriteFile(path, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := mapper("newuidmap"); got.State != Note || !strings.Contains(got.Advice, "cap_setuid=ep") {
		t.Errorf("mapper() without rights = %+v, want advice to give it some", got)
	}
	if err := os.Chmod(path, 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Finding{Check: "newuidmap", State: OK, Message: path}, mapper("newuidmap")); diff != "" {
		t.Errorf("mapper() (-want +got):\n%s", diff)
	}
}

func TestKernel(t *testing.T) {
	refused := func() error { return errors.New("operation not permitted") }
	tests := []struct {
		description string
		needed      bool
		try         func() error
		want        State
	}{
		{"allowed", true, func() error { return nil }, OK}, {"refused to a user", true, refused, Problem},
		{"refused to root", false, refused, Note},
	}
	for _, test := range tests {
		got := Kernel(test.needed, test.try)
		if len(got) != 1 || got[0].State != test.want || (test.want == OK) != (got[0].Advice == "") {
			t.Errorf("%s: Kernel() = %+v, want %s", test.description, got, test.want)
		}
	}
}

func TestConfiguration(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", "")
	path := filepath.Join(t.TempDir(), "registries.conf")
	t.Setenv("CONTAINERS_REGISTRIES_CONF", path)
	if got := configuration("registries.conf", "CONTAINERS_REGISTRIES_CONF", "x"); got.Message == path {
		t.Errorf("configuration() = %+v names a file that is not there", got)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := configuration("registries.conf", "CONTAINERS_REGISTRIES_CONF", "x"); got.Message != path {
		t.Errorf("configuration() = %+v, want %q", got, path)
	}
	if got := configuration("no-such.conf", "", "what stands in"); got.Message != "none: what stands in" {
		t.Errorf("configuration() = %+v, want what stands in", got)
	}
}

func TestSpaceOfDirectoriesThatDoNotExistYet(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "not", "yet")
	if got := Space("space", directory); !strings.Contains(got.Message, "GB free in "+directory) {
		t.Errorf("Space() = %+v", got)
	}
	if _, err := os.Stat(filepath.Dir(directory)); err == nil {
		t.Error("Space() made the directory")
	}
}

func TestWithoutVFS(t *testing.T) {
	for system, want := range map[int64]string{
		unix.OVERLAYFS_SUPER_MAGIC: "/storage is on an overlay", unix.EXT4_SUPER_MAGIC: "a kernel of 5.13",
		0: "a kernel of 5.13",
	} {
		if got := withoutVFS(system, "/storage"); !strings.Contains(got, want) {
			t.Errorf("withoutVFS(%#x) = %q, want %q", system, got, want)
		}
	}
}

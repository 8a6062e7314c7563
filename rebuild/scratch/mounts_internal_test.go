package scratch

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const mounts = `27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
51 27 0:41 / /tmp/run-1/first rw - overlay overlay rw,lowerdir=/tmp/run-2
52 51 0:41 / /tmp/run-1/first/in\040it\134 rw - overlay overlay rw
53 27 0:41 / /tmp/run-12 rw - overlay overlay rw
54 27 0:41 / /tmp/run-1 rw shared:1 - tmpfs tmpfs rw
`

func TestParseMounts(t *testing.T) {
	tests := []struct {
		path string
		want []string
	}{
		{"/tmp/run-1", []string{"/tmp/run-1", `/tmp/run-1/first/in it\`, "/tmp/run-1/first"}},
		{"/tmp/run-2", nil},
		{"/tmp/run", nil},
	}
	for _, test := range tests {
		got, err := parseMounts(mounts, test.path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("parseMounts(%q) (-want +got):\n%s", test.path, diff)
		}
	}
	if _, err := parseMounts("27 1 254:0\n", "/tmp"); err == nil {
		t.Error("parseMounts() takes a line without a mount point")
	}
}

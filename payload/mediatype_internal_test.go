package payload

import "testing"

func TestLayersOfAnOCIBaseGetDockerTypes(t *testing.T) {
	tests := []struct{ given, want string }{
		{"application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.docker.image.rootfs.diff.tar.gzip"},
		{"application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.docker.image.rootfs.diff.tar.gzip"},
		{"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
			"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"},
	}
	for _, test := range tests {
		if got := dockerType(test.given); got != test.want {
			t.Errorf("dockerType(%q) = %q, want %q", test.given, got, test.want)
		}
	}
}

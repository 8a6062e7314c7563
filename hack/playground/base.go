package playground

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// architecture is the architecture of everything in the playground: that of the host, whose programs the images are
// made of.
func architecture() string { return runtime.GOARCH }

// basePrograms is what Dockerfiles run in the final base image: a shell and what one expects beside it.
func basePrograms() []string {
	return strings.Fields(`bash basename cat chmod chown cp cut date dirname echo env false find grep gzip head id install ln ls
		mkdir mktemp mv pwd readlink rm rmdir sed sleep sort tail tar tee test touch tr true uname uniq wc xargs`)
}

// Dockerfiles of real components install packages and make users. Here every package counts as installed.
const (
	shim    = "#!/bin/bash\necho \"$(basename \"$0\") $*: there are no packages in the playground\"\n"
	useradd = "#!/bin/bash\necho \"${!#}:x:1000:1000::/:/bin/bash\" >> /etc/passwd\necho \"${!#}:x:1000:\" >> /etc/group\n"
)

// baseImage makes the image that components end up on.
func baseImage(s store) (v1.Image, error) {
	r := newRootfs()
	if err := r.programs(basePrograms()...); err != nil {
		return nil, err
	}
	for name, target := range map[string]string{
		"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64", "usr/bin/sh": "bash",
	} {
		r.link[name] = target
	}
	r.made = []file{
		{Name: "etc/passwd",
			Data: []byte("root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/:/bin/false\n")},
		{Name: "etc/group", Data: []byte("root:x:0:\nnobody:x:65534:\n")},
		{Name: "usr/bin/rpm", Data: []byte(shim), Mode: 0o755}, {Name: "usr/bin/dnf", Data: []byte(shim), Mode: 0o755},
		{Name: "usr/bin/yum", Data: []byte(shim), Mode: 0o755},
		{Name: "usr/bin/microdnf", Data: []byte(shim), Mode: 0o755},
		{Name: "usr/sbin/useradd", Data: []byte(useradd), Mode: 0o755},
		{Name: "etc/os-release", Data: []byte("ID=playground\nNAME=\"oc-rebuild playground\"\n")},
	}
	r.dirs = []string{"dev", "proc", "root", "run", "sys", "tmp", "usr/lib64", "usr/sbin", "var/tmp"}
	layer, err := s.layer(r.write)
	if err != nil {
		return nil, fmt.Errorf("making the base image: %w", err)
	}
	return derive(scratch(), layer, func(config *v1.ConfigFile) {
		config.Config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
		config.Config.Cmd = []string{"/bin/bash"}
	})
}

// builderImage adds the host's Go, make and git to the base image, and a build cache that has compiled the packages
// that the playground's programs import: scratch is a directory for making that.
func builderImage(ctx context.Context, s store, base v1.Image, scratch string) (v1.Image, error) {
	r := newRootfs()
	if err := r.programs("make", "git"); err != nil {
		return nil, err
	}
	r.made = []file{{Name: "etc/gitconfig", Data: []byte("[safe]\n\tdirectory = *\n")}}
	if err := r.goroot(); err != nil {
		return nil, fmt.Errorf("copying the Go toolchain: %w", err)
	}
	cache := filepath.Join(scratch, "gocache")
	packages := []string{"fmt", "os", "time", "path/filepath", "strings", "bytes", "errors", "io"}
	if err := goCommand(ctx, scratch, []string{"GOCACHE=" + cache},
		append([]string{"build", "-trimpath"}, packages...)...); err != nil {
		return nil, err
	}
	if err := r.tree("go/.cache", cache, func(string) bool { return true }); err != nil {
		return nil, err
	}
	layer, err := s.layer(r.write)
	if err != nil {
		return nil, fmt.Errorf("making the builder image: %w", err)
	}
	return derive(base, layer, func(config *v1.ConfigFile) {
		config.Config.Env = []string{
			"PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
			"GOPATH=/go", "GOCACHE=/go/.cache", "GOTOOLCHAIN=local", "GOPROXY=off", "GOFLAGS=", "CGO_ENABLED=0",
		}
	})
}

// goroot adds what `go build` needs of the host's Go toolchain to /usr/local/go: not the tests, nor the sources of
// the toolchain.
func (r *rootfs) goroot() error {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("asking go for its root: %w", err)
	}
	root := strings.TrimSpace(string(out))
	for dir, keep := range map[string]func(string) bool{
		"bin":         func(string) bool { return true },
		"pkg/include": func(string) bool { return true },
		"pkg/tool":    func(string) bool { return true },
		"src": func(name string) bool {
			return !strings.HasPrefix(name, "cmd/") && !strings.HasSuffix(name, "_test.go") &&
				filepath.Base(name) != "testdata"
		},
	} {
		if err := r.tree("usr/local/go/"+dir, filepath.Join(root, dir), keep); err != nil {
			return err
		}
	}
	for _, name := range []string{"VERSION", "go.env"} {
		r.host["usr/local/go/"+name] = filepath.Join(root, name)
	}
	return nil
}

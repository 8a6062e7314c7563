package builder

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"go.podman.io/buildah/define"
	"go.podman.io/storage/pkg/unshare"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Runtimes returns the names of the OCI runtimes that are tried, best first.
func Runtimes() []string { return []string{"crun", "runc"} }

// chooseIsolation settles what was asked for, or, for "auto", takes the first OCI runtime that really starts a
// container here and chroot where none does.
func chooseIsolation(ctx context.Context, asked, temp string) (Isolation, error) {
	oci := Isolation{Kind: define.IsolationOCI, Name: "oci"}
	if unshare.IsRootless() {
		oci = Isolation{Kind: define.IsolationOCIRootless, Name: "rootless"}
	}
	switch asked {
	case "chroot":
		return chroot(ctx, "asked for"), nil
	case "oci":
		runtime, err := workingRuntime(ctx, temp)
		if err != nil {
			return Isolation{}, fault.New(fault.Usage,
				"Use --isolation chroot, or `oc rebuild doctor` to see what a runtime lacks.",
				fmt.Errorf("isolation %q: %w", asked, err))
		}
		oci.Runtime, oci.Reason = runtime, "asked for"
		return oci, nil
	case "", "auto":
		runtime, err := workingRuntime(ctx, temp)
		if ctx.Err() != nil {
			return Isolation{}, context.Cause(ctx)
		}
		if err != nil {
			return chroot(ctx, err.Error()), nil
		}
		oci.Runtime, oci.Reason = runtime, "starts containers here"
		return oci, nil
	default:
		return Isolation{}, fault.Errorf(fault.Usage, "isolation %q is not one of auto, oci, chroot", asked)
	}
}

// chroot is the isolation that needs no runtime.
func chroot(ctx context.Context, reason string) Isolation {
	i := Isolation{Kind: define.IsolationChroot, Name: "chroot", Reason: reason}
	if err := probeApart(ctx); err != nil {
		i.Shared = err.Error()
	}
	return i
}

// workingRuntime returns the path of the first OCI runtime that starts a container, or why none does.
func workingRuntime(ctx context.Context, temp string) (string, error) {
	var failures []string
	for _, name := range Runtimes() {
		path, err := exec.LookPath(name)
		if err != nil {
			failures = append(failures, name+" is not installed")
			continue
		}
		if err := ProbeRuntime(ctx, path, temp); err != nil {
			failures = append(failures, err.Error())
			continue
		}
		return path, nil
	}
	return "", errors.New("no OCI runtime starts containers here: " + strings.Join(failures, "; "))
}

// maxProbe is how long a runtime may take to start a container and to end it.
const maxProbe = 30 * time.Second

// ProbeRuntime starts /bin/true from the host's own system directories in a container, as RUN would, and returns why
// that fails. A runtime that is installed can still be useless: hybrid cgroups, nested containers and hardened
// kernels break them.
func ProbeRuntime(ctx context.Context, runtime, temp string) error {
	bundle, err := os.MkdirTemp(temp, "probe-")
	if err != nil {
		return fmt.Errorf("probing %s: %w", filepath.Base(runtime), err)
	}
	defer os.RemoveAll(bundle)
	if err := writeProbeBundle(bundle); err != nil {
		return fmt.Errorf("probing %s: %w", filepath.Base(runtime), err)
	}
	id := filepath.Base(bundle)
	root := filepath.Join(bundle, "state")
	ctx, cancel := context.WithTimeout(ctx, maxProbe)
	defer cancel()
	command := exec.CommandContext(ctx, runtime, "--root", root, "run", "--bundle", bundle, id)
	command.WaitDelay = time.Second
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Run(); err != nil {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		remove := exec.CommandContext(ending, runtime, "--root", root, "delete", "--force", id)
		remove.WaitDelay = time.Second
		_ = remove.Run()
		return fmt.Errorf("%s does not start a container: %w: %s", filepath.Base(runtime), err,
			lastLine(output.String()))
	}
	return nil
}

// writeProbeBundle writes an OCI bundle whose root file system is the host's program directories, read-only.
func writeProbeBundle(bundle string) error {
	rootfs := filepath.Join(bundle, "rootfs")
	spec := specs.Spec{
		Version: specs.Version,
		Root:    &specs.Root{Path: rootfs, Readonly: true},
		Process: &specs.Process{Args: []string{"/bin/true"}, Cwd: "/", Env: []string{"PATH=/bin:/usr/bin"}},
		Mounts:  []specs.Mount{{Destination: "/proc", Type: "proc", Source: "proc"}},
		Linux: &specs.Linux{
			CgroupsPath: "",
			Namespaces: []specs.LinuxNamespace{{Type: specs.MountNamespace}, {Type: specs.PIDNamespace},
				{Type: specs.IPCNamespace}},
		},
	}
	if err := os.MkdirAll(filepath.Join(rootfs, "proc"), 0o755); err != nil {
		return err
	}
	for _, directory := range []string{"usr", "bin", "lib", "lib64"} {
		info, err := os.Lstat("/" + directory)
		if err != nil {
			continue
		}
		if info.Mode()&os.ModeSymlink != 0 { // merged /usr: the link is enough
			target, err := os.Readlink("/" + directory)
			if err != nil {
				return err
			}
			if err := os.Symlink(target, filepath.Join(rootfs, directory)); err != nil {
				return err
			}
			continue
		}
		if err := os.Mkdir(filepath.Join(rootfs, directory), 0o755); err != nil {
			return err
		}
		spec.Mounts = append(spec.Mounts, specs.Mount{Destination: "/" + directory, Type: "bind",
			Source:  "/" + directory,
			Options: []string{"rbind", "ro"}})
	}
	data, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(bundle, "config.json"), data, 0o600)
}

// lastLine returns the last line of a program's output that says something.
func lastLine(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

package builder

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/openshift/imagebuilder/dockerfile/command"
	"github.com/openshift/imagebuilder/dockerfile/parser"
	"golang.org/x/sys/unix"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// machines are the architectures that payloads are for, by the names of Go and OCI.
func machines(arch string) (machine elf.Machine, order binary.ByteOrder, ok bool) {
	switch arch {
	case "amd64":
		return elf.EM_X86_64, binary.LittleEndian, true
	case "arm64":
		return elf.EM_AARCH64, binary.LittleEndian, true
	case "ppc64le":
		return elf.EM_PPC64, binary.LittleEndian, true
	case "s390x":
		return elf.EM_S390, binary.BigEndian, true
	}
	return 0, nil, false
}

// Runs reports whether this machine starts programs for an architecture: its own, or one that an emulator is
// registered for with the kernel (https://docs.kernel.org/admin-guide/binfmt-misc.html). The kernel is asked with the
// header of a program, which it refuses as no program if nobody would take it. temp is a directory for that. Of an
// architecture that payloads are not for nothing is known, and true returned.
func Runs(arch, temp string) (bool, error) {
	machine, order, ok := machines(arch)
	if arch == runtime.GOARCH || !ok {
		return true, nil
	}
	header := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
		Ehsize: 64, Phentsize: 56}
	data := elf.ELFDATA2LSB
	if order == binary.BigEndian {
		data = elf.ELFDATA2MSB
	}
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS], header.Ident[elf.EI_DATA] = byte(elf.ELFCLASS64), byte(data)
	header.Ident[elf.EI_VERSION] = byte(elf.EV_CURRENT)
	var program bytes.Buffer
	if err := binary.Write(&program, order, header); err != nil {
		return false, fmt.Errorf("asking which programs this machine runs: %w", err)
	}
	file := filepath.Join(temp, "probe-"+arch)
	defer os.Remove(file)
	if err := os.WriteFile(file, program.Bytes(), 0o700); err != nil {
		return false, fmt.Errorf("asking which programs this machine runs: %w", err)
	}
	return !errors.Is(exec.Command(file).Run(), unix.ENOEXEC), nil
}

// checkPrograms refuses a build with steps whose programs this machine does not run.
func (b *Builder) checkPrograms(build Build) error {
	arch := b.options.SystemContext.ArchitectureChoice
	if arch == "" || arch == runtime.GOARCH || !hasSteps(build.Dockerfile) {
		return nil
	}
	runs, err := Runs(arch, b.options.Temp)
	if err != nil || runs {
		return err
	}
	return fault.New(fault.Build, ProgramsAdvice(arch),
		fmt.Errorf("building %q: it has RUN steps, and this machine runs no programs for %s", build.Name, arch))
}

// ProgramsAdvice says what to do where programs for an architecture do not run.
func ProgramsAdvice(arch string) string {
	return fmt.Sprintf("Install an emulator that the kernel starts, such as your distribution's package qemu-user-static; "+
		"or build where nodes are %s, with --engine tekton.", arch)
}

// hasSteps reports whether a Dockerfile runs programs.
func hasSteps(dockerfile []byte) bool {
	parsed, err := parser.Parse(bytes.NewReader(dockerfile))
	return err == nil && slices.ContainsFunc(parsed.AST.Children,
		func(node *parser.Node) bool { return node.Value == command.Run })
}

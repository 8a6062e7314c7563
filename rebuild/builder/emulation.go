package builder

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"time"

	"github.com/openshift/imagebuilder/dockerfile/command"
	"github.com/openshift/imagebuilder/dockerfile/parser"
	"golang.org/x/sys/unix"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// machine says how programs for an architecture that payloads are for begin, by the name that Go and OCI have for it.
func machine(arch string) (machine elf.Machine, order binary.ByteOrder, ok bool) {
	switch arch {
	case "amd64":
		return elf.EM_X86_64, binary.LittleEndian, true
	case "arm64":
		return elf.EM_AARCH64, binary.LittleEndian, true
	case "ppc64le":
		return elf.EM_PPC64, binary.LittleEndian, true
	case "riscv64":
		return elf.EM_RISCV, binary.LittleEndian, true
	case "s390x":
		return elf.EM_S390, binary.BigEndian, true
	}
	return 0, nil, false
}

// Runs reports whether this machine starts programs for an architecture: its own, or one that an emulator is
// registered for with the kernel (https://docs.kernel.org/admin-guide/binfmt-misc.html). The kernel is asked with the
// header of a program, which it refuses as no program if nobody would take it. temp is a directory for that. Of an
// architecture that payloads are not for the error has the class fault.Usage.
func Runs(arch, temp string) (bool, error) {
	if arch == runtime.GOARCH {
		return true, nil
	}
	program, err := header(arch)
	if err != nil {
		return false, err
	}
	for {
		runs, err := starts(program, temp)
		// another goroutine may be starting a program, which has our file open for writing until it runs
		if errors.Is(err, unix.ETXTBSY) {
			time.Sleep(time.Millisecond)
			continue
		}
		return runs, err
	}
}

// starts reports whether the kernel takes a program for one.
func starts(program []byte, temp string) (bool, error) {
	file, err := os.CreateTemp(temp, "probe-")
	if err != nil {
		return false, fmt.Errorf("asking which programs this machine runs: %w", err)
	}
	defer os.Remove(file.Name())
	_, err = file.Write(program)
	if err := errors.Join(err, file.Chmod(0o700), file.Close()); err != nil {
		return false, fmt.Errorf("asking which programs this machine runs: %w", err)
	}
	err = exec.Command(file.Name()).Run()
	var exit *exec.ExitError
	switch {
	case err == nil || errors.As(err, &exit): // whatever the emulator says of a program that is a header alone
		return true, nil
	case errors.Is(err, unix.ENOEXEC) || errors.Is(err, unix.ENOENT): // no emulator, or one that is gone
		return false, nil
	}
	return false, fmt.Errorf("asking which programs this machine runs: %w", err)
}

// header is that of a program for an architecture.
func header(arch string) ([]byte, error) {
	kind, order, ok := machine(arch)
	if !ok {
		return nil, fault.Errorf(fault.Usage, "no payload is for the architecture %q", arch)
	}
	h := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(kind), Version: uint32(elf.EV_CURRENT),
		Ehsize: 64, Phentsize: 56}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.EV_CURRENT)
	h.Ident[elf.EI_DATA] = byte(elf.ELFDATA2LSB)
	if order == binary.BigEndian {
		h.Ident[elf.EI_DATA] = byte(elf.ELFDATA2MSB)
	}
	var program bytes.Buffer
	if err := binary.Write(&program, order, h); err != nil {
		return nil, fmt.Errorf("asking which programs this machine runs: %w", err)
	}
	return program.Bytes(), nil
}

// CheckPrograms refuses a Dockerfile with steps whose programs this machine does not run. name is what it is of.
func (b *Builder) CheckPrograms(name string, dockerfile []byte) error {
	arch := b.options.SystemContext.ArchitectureChoice
	if arch == "" || arch == runtime.GOARCH || !hasSteps(dockerfile) {
		return nil
	}
	runs, err := Runs(arch, b.options.Temp)
	if err != nil || runs {
		return err
	}
	return fault.New(fault.Build, ProgramsAdvice(arch),
		fmt.Errorf("building %q: it has RUN steps, and this machine runs no programs for %s", name, arch))
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

package extract

import (
	"bytes"
	"crypto/sha256"
	"debug/macho"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
)

// machO writes a small Mach-O file for arm64: code, then a signature with room for size bytes.
func machO(t *testing.T, size uint32) *os.File {
	t.Helper()
	const text, signature = 10_000, 12_288
	var b bytes.Buffer
	put := func(values ...any) {
		for _, value := range values {
			if err := binary.Write(&b, binary.LittleEndian, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(uint32(macho.Magic64), uint32(macho.CpuArm64), uint32(0), uint32(macho.TypeExec), uint32(3), uint32(72+72+16),
		uint32(0), uint32(0))
	segment := func(name string, offset, length uint64) {
		var padded [16]byte
		copy(padded[:], name)
		put(uint32(commandSegment64), uint32(72), padded, uint64(0), (length+16383)&^16383, offset, length,
			uint32(5), uint32(5),
			uint32(0), uint32(0))
	}
	segment("__TEXT", 0, text)
	segment("__LINKEDIT", text, signature-text+uint64(size))
	put(uint32(commandCodeSignature), uint32(16), uint32(signature), size)
	for b.Len() < signature {
		b.WriteByte(byte(b.Len() * 7))
	}
	b.Write(make([]byte, size))
	name := filepath.Join(t.TempDir(), "binary")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// TestSignMachO signs a file whose signature fits and one whose signature must grow, and checks the hash of every
// page as macOS would.
func TestSignMachO(t *testing.T) {
	for _, size := range []uint32{4096, 16} {
		file := machO(t, size)
		if err := signMachO(file, "oc"); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := macho.NewFile(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("the signed file is no Mach-O: %v", err)
		}
		raw := parsed.Loads[2].Raw()
		offset, length := binary.LittleEndian.Uint32(raw[8:]), binary.LittleEndian.Uint32(raw[12:])
		if linkedit := parsed.Segment("__LINKEDIT"); linkedit.Offset+linkedit.Filesz != uint64(len(data)) ||
			int(offset+length) != len(data) {
			t.Errorf("the file has %d bytes, __LINKEDIT ends at %d, the signature at %d", len(data),
				linkedit.Offset+linkedit.Filesz, offset+length)
		}
		big := binary.BigEndian
		blob := data[offset:]
		if big.Uint32(blob) != magicSuperBlob || big.Uint32(blob[8:]) != 1 {
			t.Fatalf("no signature at %d", offset)
		}
		directory := blob[big.Uint32(blob[16:]):]
		if big.Uint32(directory) != magicCodeDirectory || big.Uint32(directory[12:]) != flagsOfLinker ||
			big.Uint32(directory[32:]) != offset {
			t.Fatalf("the code directory is not as it should be: % x", directory[:40])
		}
		if name := directory[big.Uint32(directory[20:]):]; !bytes.HasPrefix(name, []byte("oc\x00")) {
			t.Errorf("the identifier is %q", name[:8])
		}
		hashes := directory[big.Uint32(directory[16:]):]
		for page := range int(big.Uint32(directory[28:])) {
			end := min((page+1)*4096, int(offset))
			if sum := sha256.Sum256(data[page*4096 : end]); !bytes.Equal(sum[:], hashes[page*32:page*32+32]) {
				t.Errorf("the hash of page %d is wrong", page)
			}
		}
	}
}

// The signature of a binary that was not changed is the one that Go's linker made.
func TestSignAsTheLinkerDoes(t *testing.T) {
	directory := t.TempDir()
	source, binary := filepath.Join(directory, "main.go"), filepath.Join(directory, "binary")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-trimpath", "-o", binary, source)
	build.Env = append(os.Environ(), "GOOS=darwin", "GOARCH=arm64", "CGO_ENABLED=0", "GOFLAGS=")
	build.Dir = directory
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building for macOS: %v\n%s", err, out)
	}
	want, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(binary, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	layout, err := readImage64(file)
	if err != nil || layout.dataLen == 0 {
		t.Fatalf("the linker signed nothing: %+v, %v", layout, err)
	}
	if _, err := file.WriteAt(make([]byte, layout.dataLen), int64(layout.dataOff)); err != nil {
		t.Fatal(err)
	}
	if err := signMachO(file, linkerIdentifier); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(binary); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the signature is not the linker's; %d bytes in place of %d, %v", len(got), len(want), err)
	}
}

func TestSignLeavesOtherFilesAlone(t *testing.T) {
	name := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := signMachO(file, "oc"); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(name); err != nil || string(data) != "#!/bin/sh\n" {
		t.Errorf("the file became %q, %v", data, err)
	}
}

// FuzzSignMachO signs hostile files: it must not panic, nor write far behind their end.
func FuzzSignMachO(f *testing.F) {
	f.Add([]byte("\xcf\xfa\xed\xfe"))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzing.Case(t)
		name := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		_ = signMachO(file, "oc")
		if info, err := file.Stat(); err != nil || info.Size() > int64(len(data))+1<<20 {
			t.Errorf("%d bytes became %v, %v", len(data), info, err)
		}
	})
}

package pack_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
)

// run runs git, which these tests need as the one to agree with.
func run(t *testing.T, dir string, stdin []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_AUTHOR_NAME=a",
		"GIT_AUTHOR_EMAIL=a@x",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@x", "GIT_AUTHOR_DATE=1600000000 +0000",
		"GIT_COMMITTER_DATE=1600000000 +0000")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return out
}

// history makes a repository with files that change from commit to commit, so that its packs hold chains of deltas.
func history(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir := t.TempDir()
	run(t, dir, nil, "init", "-q", "-b", "main")
	random := rand.New(rand.NewPCG(1, 2))
	files := make([][]string, 8)
	var stream bytes.Buffer
	for commit := range 30 {
		fmt.Fprintf(&stream, "commit refs/heads/main\ncommitter A <a@x> %d +0000\ndata 1\nx\n", 1600000000+commit)
		for i := range files {
			if commit == 0 {
				for range 200 * (i + 1) {
					files[i] = append(files[i], fmt.Sprintf("line %d of %d", random.Int(), i))
				}
			}
			files[i][random.IntN(len(files[i]))] = fmt.Sprintf("changed in %d", commit)
			text := strings.Join(files[i], "\n")
			fmt.Fprintf(&stream, "M 100644 inline file-%d\ndata %d\n%s\n", i, len(text), text)
		}
	}
	run(t, dir, stream.Bytes(), "fast-import", "--quiet")
	run(t, dir, nil, "tag", "-am", "a tag", "v1")
	return dir
}

func packOf(t *testing.T, repo string, args ...string) []byte {
	t.Helper()
	return run(t, repo, nil, append([]string{"pack-objects", "-q", "--stdout", "--all", "--depth=50",
		"--no-reuse-delta"}, args...)...)
}

func receive(t *testing.T, data []byte, limits pack.Limits) (objects, name string, err error) {
	t.Helper()
	objects = t.TempDir()
	dir := filepath.Join(objects, "pack")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	name, err = pack.Receiver{Directory: dir, Limits: limits}.Receive(context.Background(), bytes.NewReader(data))
	left, readErr := os.ReadDir(dir)
	if readErr != nil {
		t.Fatal(readErr)
	}
	if want := map[bool]int{true: 2, false: 0}[name != ""]; len(left) != want {
		t.Errorf("%d files are there after Receive, want %d", len(left), want)
	}
	return objects, name, err
}

func TestReceiveAgreesWithGit(t *testing.T) {
	repo := history(t)
	tests := []struct {
		description string
		args        []string
	}{
		{"offset deltas", []string{"--delta-base-offset"}},
		{"deltas that name their base by id", nil},
		{"no deltas", []string{"--window=0"}},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			data := packOf(t, repo, test.args...)
			objects, name, err := receive(t, data, pack.DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			base := filepath.Join(objects, "pack", name)
			run(t, repo, nil, "index-pack", "-o", base+".git.idx", base+".pack")
			ours, theirs := read(t, base+".idx"), read(t, base+".git.idx")
			if !bytes.Equal(ours, theirs) {
				t.Error("the index differs from that of git index-pack")
			}
			if !bytes.Equal(read(t, base+".pack"), data) {
				t.Error("the pack on disk differs from what was sent")
			}
			os.Remove(base + ".git.idx")
			compareObjects(t, repo, objects)
		})
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// compareObjects reads every object of repo from an objects directory.
func compareObjects(t *testing.T, repo, objects string) {
	t.Helper()
	db, err := pack.Open(objects)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	types := map[string]pack.Type{"commit": pack.Commit, "tree": pack.Tree, "blob": pack.Blob, "tag": pack.Tag}
	list := strings.Fields(string(run(t, repo, nil, "cat-file", "--batch-all-objects",
		"--batch-check=%(objectname) %(objecttype)")))
	if len(list) < 200 {
		t.Fatalf("only %d objects to compare", len(list)/2)
	}
	for i := 0; i < len(list); i += 2 {
		id, err := pack.ParseID(list[i])
		if err != nil {
			t.Fatal(err)
		}
		kind := types[list[i+1]]
		if got, err := db.Type(id); err != nil || got != kind {
			t.Errorf("Type(%s) = %s, %v, want %s", id, got, err, kind)
		}
		data, err := db.Read(id, kind)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha1.Sum([]byte(fmt.Sprintf("%s %d\x00%s", list[i+1], len(data), data))); sum != id {
			t.Errorf("Read(%s) returned other content", id)
		}
		if kind == pack.Blob {
			var out bytes.Buffer
			if _, err := db.WriteBlob(&out, id); err != nil || !bytes.Equal(out.Bytes(), data) {
				t.Errorf("WriteBlob(%s) differs from Read: %v", id, err)
			}
		}
		if _, err := db.Read(id, kind%4+1); !errors.Is(err, pack.ErrKind) {
			t.Errorf("Read(%s) as another type: %v, want ErrKind", id, err)
		}
	}
	if _, err := db.Read(pack.ID{1}, pack.Blob); !errors.Is(err, pack.ErrNotFound) {
		t.Errorf("reading an object that is not there: %v, want ErrNotFound", err)
	}
}

func TestLooseObjectsAndAlternates(t *testing.T) {
	repo := history(t)
	compareObjects(t, repo, filepath.Join(repo, ".git", "objects"))
	other := t.TempDir()
	if err := os.Mkdir(filepath.Join(other, "info"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "info", "alternates"),
		[]byte(filepath.Join(repo, ".git", "objects")+"\n"),
		0o644); err != nil {
		t.Fatal(err)
	}
	compareObjects(t, repo, other)
}

func TestReceiveRefuses(t *testing.T) {
	good := packOf(t, history(t), "--delta-base-offset")
	flip := func(at int) []byte {
		bad := bytes.Clone(good)
		bad[at] ^= 0x10
		return bad
	}
	limits := pack.DefaultLimits()
	small := func(change func(*pack.Limits)) pack.Limits {
		l := limits
		change(&l)
		return l
	}
	many := bytes.Clone(good)
	binary.BigEndian.PutUint32(many[8:], 1<<31)
	tests := []struct {
		description string
		data        []byte
		limits      pack.Limits
	}{
		{"nothing", nil, limits},
		{"another format", flip(0), limits},
		{"another version", flip(7), limits},
		{"cut short", good[:len(good)-30], limits},
		{"cut in the checksum", good[:len(good)-3], limits},
		{"a byte too many", append(bytes.Clone(good), 0), limits},
		{"a wrong checksum", flip(len(good) - 1), limits},
		{"damage in the middle", flip(len(good) / 2), limits},
		{"more objects announced than sent", many, limits},
		{"too many objects", good, small(func(l *pack.Limits) { l.Objects = 10 })},
		{"too many bytes", good, small(func(l *pack.Limits) { l.PackBytes = 5000 })},
		{"an object too large", good, small(func(l *pack.Limits) { l.ObjectBytes = 5000 })},
		{"deltas that need too much memory", good, small(func(l *pack.Limits) { l.DeltaMemory = 20000 })},
		{"the same object twice", craft(object{3, []byte("x"), nil}, object{3, []byte("x"), nil}), limits},
		{"an unknown type", craft(object{5, []byte("x"), nil}), limits},
		{"a delta without base", craft(object{7, []byte{1, 1, 1, 'x'}, make([]byte, 20)}), limits},
		{"a delta from outside the pack", craft(object{6, []byte{1, 1, 1, 'x'}, []byte{0x7f}}), limits},
		{"a delta from the middle of an object",
			craft(object{3, []byte("x"), nil}, object{6, []byte{1, 1, 1, 'y'}, []byte{1}}), limits},
		{"a delta that announces 2^56 bytes", craft(object{3, []byte("x"), nil}, object{7, bomb(), id("x")}), limits},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			if _, name, err := receive(t, test.data, test.limits); err == nil {
				t.Errorf("Receive = %q, want an error", name)
			}
		})
	}
}

type object struct {
	kind   byte
	data   []byte
	prefix []byte // of a delta: what names its base
}

func id(blob string) []byte {
	sum := sha1.Sum([]byte(fmt.Sprintf("blob %d\x00%s", len(blob), blob)))
	return sum[:]
}

func bomb() []byte {
	return []byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x90, 1}
}

// craft writes a pack with the right checksum around whatever objects it is told.
func craft(objects ...object) []byte {
	var out bytes.Buffer
	out.WriteString("PACK\x00\x00\x00\x02")
	out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(objects))))
	for _, o := range objects {
		out.WriteByte(o.kind<<4 | byte(len(o.data))&0x0f) // all are shorter than 16 bytes
		out.Write(o.prefix)
		z := zlib.NewWriter(&out)
		z.Write(o.data)
		z.Close()
	}
	sum := sha1.Sum(out.Bytes())
	return append(out.Bytes(), sum[:]...)
}

func TestReceiveThinPack(t *testing.T) {
	repo := history(t)
	old := run(t, repo, []byte("HEAD~5\n"), "pack-objects", "-q", "--stdout", "--revs", "--no-reuse-delta")
	thin := run(t, repo, []byte("HEAD\n^HEAD~5\n"), "pack-objects", "-q", "--stdout", "--revs",
		"--no-reuse-delta", "--thin",
		"--delta-base-offset")
	objects, _, err := receive(t, old, pack.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if _, name, err := receive(t, thin, pack.DefaultLimits()); err == nil {
		t.Fatalf("Receive of a thin pack without its bases = %q, want an error", name)
	}
	db, err := pack.Open(objects)
	if err != nil {
		t.Fatal(err)
	}
	name, err := pack.Receiver{Directory: filepath.Join(objects, "pack"), Limits: pack.DefaultLimits(),
		Bases: db.Object}.Receive(context.Background(), bytes.NewReader(thin))
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(objects, "pack", name)
	run(t, repo, nil, "verify-pack", base+".idx")
	run(t, repo, nil, "index-pack", "-o", base+".git.idx", base+".pack")
	if !bytes.Equal(read(t, base+".idx"), read(t, base+".git.idx")) {
		t.Error("the index differs from that of git index-pack")
	}
	os.Remove(base + ".git.idx")
	run(t, repo, nil, "tag", "-d", "v1")
	run(t, repo, nil, "-c", "gc.reflogExpire=now", "gc", "-q", "--prune=now")
	compareObjects(t, repo, objects)
}

func TestReceiveSmallReads(t *testing.T) {
	data := packOf(t, history(t), "--delta-base-offset")
	name, err := pack.Receiver{Directory: t.TempDir(), Limits: pack.DefaultLimits()}.Receive(context.Background(),
		iotest.OneByteReader(bytes.NewReader(data)))
	if err != nil || name == "" {
		t.Errorf("Receive = %q, %v", name, err)
	}
}

func TestReceiveEmptyPack(t *testing.T) {
	if _, name, err := receive(t, craft(), pack.DefaultLimits()); name != "" || err != nil {
		t.Errorf("Receive of no objects = %q, %v, want nothing", name, err)
	}
}

func TestReceiveStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	data := packOf(t, history(t))
	receiver := pack.Receiver{Directory: t.TempDir(), Limits: pack.DefaultLimits()}
	if _, err := receiver.Receive(ctx, bytes.NewReader(data)); !errors.Is(err, context.Canceled) {
		t.Errorf("Receive after cancel: %v", err)
	}
}

func TestDamagedPackIsNoticed(t *testing.T) {
	data := craft(object{3, []byte("x"), nil}, object{3, []byte("hello, world"), nil})
	objects, name, err := receive(t, data, pack.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(objects, "pack", name+".pack")
	other := craft(object{3, []byte("y"), nil}, object{3, []byte("hello, w0rld"), nil})
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, other, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := pack.Open(objects)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, text := range []string{"x", "hello, world"} {
		if _, err := db.Read(pack.ID(id(text)), pack.Blob); !errors.Is(err, pack.ErrCorrupt) {
			t.Errorf("Read of a swapped object: %v, want ErrCorrupt", err)
		}
		if _, err := db.WriteBlob(io.Discard, pack.ID(id(text))); !errors.Is(err, pack.ErrCorrupt) {
			t.Errorf("WriteBlob of a swapped object: %v, want ErrCorrupt", err)
		}
	}
}

func FuzzReceive(f *testing.F) {
	f.Add(craft())
	f.Add(craft(object{3, []byte("x"), nil}, object{7, []byte{1, 1, 1, 'y'}, id("x")}))
	f.Add(craft(object{3, []byte("x"), nil}, object{6, []byte{1, 1, 0x90, 1}, []byte{10}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzing.Case(t)
		// Nothing comes past the checksum unless it is right.
		if len(data) > 20 {
			sum := sha1.Sum(data[:len(data)-20])
			data = append(bytes.Clone(data[:len(data)-20]), sum[:]...)
		}
		limits := pack.Limits{PackBytes: 1 << 20, ObjectBytes: 1 << 20, Objects: 1000, DeltaMemory: 4 << 20}
		objects := t.TempDir()
		if err := os.Mkdir(filepath.Join(objects, "pack"), 0o700); err != nil {
			t.Fatal(err)
		}
		name, err := pack.Receiver{Directory: filepath.Join(objects, "pack"),
			Limits: limits}.Receive(context.Background(), bytes.NewReader(data))
		if err != nil || name == "" {
			return
		}
		db, err := pack.Open(objects)
		if err != nil {
			t.Fatalf("opening what was received: %v", err)
		}
		db.Close()
	})
}

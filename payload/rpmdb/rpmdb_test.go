package rpmdb_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "github.com/mattn/go-sqlite3"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
	"github.com/oc-rebuild/oc-rebuild/payload/rpmdb"
)

func TestMain(m *testing.M) {
	if rpmdb.Reexec() {
		return
	}
	os.Exit(m.Run())
}

// fixture reads a database of testdata.
func fixture(t *testing.T, name string) string {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// edited returns the SQLite database after some SQL.
func edited(t *testing.T, statements string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(name, []byte(fixture(t, "rpmdb.sqlite")), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", name)
	if err == nil {
		_, err = db.Exec("PRAGMA journal_mode=DELETE; " + statements)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// ndb makes a database of rpm's third format with the headers of the SQLite one: a header and a page of slots, then
// the packages in blocks of 16 bytes.
func ndb(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(name, []byte(fixture(t, "rpmdb.sqlite")), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", name)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("SELECT blob FROM Packages")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	page := make([]byte, 4096)
	for i := 32; i < len(page); i += 16 {
		copy(page[i:], "Slot")
	}
	copy(page, "RpmP")
	page[12] = 1 // pages of slots
	var blobs bytes.Buffer
	for n := uint32(1); rows.Next(); n++ {
		var blob []byte
		if err := rows.Scan(&blob); err != nil {
			t.Fatal(err)
		}
		slot := page[16+16*n:]
		binary.LittleEndian.PutUint32(slot[4:], n)
		binary.LittleEndian.PutUint32(slot[8:], uint32(len(page)+blobs.Len())/16)
		blobs.WriteString("BlbS")
		for _, field := range []uint32{n, 0, uint32(len(blob))} {
			blobs.Write(binary.LittleEndian.AppendUint32(nil, field))
		}
		blobs.Write(blob)
		blobs.Write(make([]byte, 16-blobs.Len()%16))
	}
	return string(page) + blobs.String()
}

// image pushes layers and opens the image that they are.
func image(t *testing.T, labels map[string]string, layers ...map[string]string) *registry.Image {
	t.Helper()
	spec := payloadtest.NewRegistry(t).Push(t, "test/os", "os",
		payloadtest.Image{Layers: layers, Labels: labels}.Build(t))
	opened, err := payloadtest.Client(t).Image(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

var both = rpmdb.Versions{"one": "1.0-1", "two": "3:2.5-4.fc40"}

func TestRead(t *testing.T) {
	tests := map[string]struct {
		labels map[string]string
		layers []map[string]string
		want   rpmdb.Versions
	}{
		"sqlite": {nil, []map[string]string{{"usr/lib/sysimage/rpm/rpmdb.sqlite": fixture(t, "rpmdb.sqlite")},
			{"etc/x": ""}}, both},
		"bdb": {nil, []map[string]string{{"var/lib/rpm/Packages": fixture(t, "Packages")}}, both},
		"ndb": {nil, []map[string]string{{"usr/share/rpm/Packages.db": ndb(t)}}, both},
		"a newer format above an older": {nil, []map[string]string{{"var/lib/rpm/Packages": fixture(t, "Packages")},
			{"usr/lib/sysimage/rpm/rpmdb.sqlite": edited(t, "DELETE FROM Packages WHERE hnum = 1")}},
			rpmdb.Versions{"one": "1.0-1"}},
		"a list in the last layer": {map[string]string{"io.openshift.metalayer": "true"}, []map[string]string{
			{"usr/share/rpm/Packages.db": "never read"},
			{"usr/share/openshift/base/meta.json": `{"rpmdb.pkglist":[["a","0","1","2","noarch"],["k","1","5","6","x86_64"],["k","0","4","6","x86_64"]]}`}},
			rpmdb.Versions{"a": "1-2", "k": "1:5-6, 4-6"}},
		"a list with a layer above it": {map[string]string{"io.openshift.metalayer": "true"}, []map[string]string{
			{"var/lib/rpm/Packages": fixture(t, "Packages"), "usr/share/openshift/base/meta.json": "{}"},
			{"etc/x": ""}}, both},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			directory := filepath.Join(t.TempDir(), "kept")
			got, err := rpmdb.Read(context.Background(), image(t, test.labels, test.layers...), directory)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("packages (-want +got):\n%s", diff)
			}
			if entries, err := os.ReadDir(directory); err != nil || len(entries) != 1 {
				t.Errorf("kept: %v, %v", entries, err)
			}
		})
	}
}

// What was read is not read again, and is kept as oc keeps it.
func TestReadKept(t *testing.T) {
	opened := image(t, nil, map[string]string{"var/lib/rpm/Packages": fixture(t, "Packages")})
	directory := t.TempDir()
	if _, err := rpmdb.Read(context.Background(), opened, directory); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(directory, strings.ReplaceAll(opened.Digest.String(), ":", "_"))
	data, err := os.ReadFile(kept)
	if err != nil || !strings.HasPrefix(string(data), `{"rpmdb.pkglist":[["`) {
		t.Errorf("kept is %q, %v", data, err)
	}
	if err := os.WriteFile(kept, []byte(`{"rpmdb.pkglist":[["kept","0","1","2","noarch"]]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := rpmdb.Read(context.Background(), opened, directory)
	if diff := cmp.Diff(rpmdb.Versions{"kept": "1-2"}, got); err != nil || diff != "" {
		t.Errorf("Read: %v\n%s", err, diff)
	}
}

func TestReadNone(t *testing.T) {
	_, err := rpmdb.Read(context.Background(), image(t, nil, map[string]string{"etc/os-release": "ID=x"}), t.TempDir())
	if fault.KindOf(err) != fault.Unresolved {
		t.Errorf("an image without a database: %v", err)
	}
}

// A database that was made to harm, or is damaged, is an error: never a list that lacks something.
func TestReadBroken(t *testing.T) {
	sqlite, bdb := fixture(t, "rpmdb.sqlite"), fixture(t, "Packages")
	endless := "CREATE VIEW Packages AS WITH RECURSIVE x(blob) AS (SELECT 1 UNION ALL SELECT blob + 1 FROM x) SELECT blob FROM x"
	tests := map[string]string{
		"empty":                 "",
		"nonsense":              strings.Repeat("nonsense", 1000),
		"a part":                sqlite[:len(sqlite)/2],
		"a part of an old one":  bdb[:len(bdb)-4096],
		"no table":              edited(t, "ALTER TABLE Packages RENAME TO x"),
		"a view":                edited(t, "ALTER TABLE Packages RENAME TO x; "+endless),
		"no packages":           edited(t, "DELETE FROM Packages"),
		"a header too long":     edited(t, "UPDATE Packages SET blob = x'7fffffff7fffffff'"),
		"an index out of pages": strings.Replace(bdb, "\x03", "\xff", -1),
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			directory := t.TempDir()
			got, err := rpmdb.Read(context.Background(),
				image(t, nil, map[string]string{"var/lib/rpm/Packages": data}), directory)
			if err == nil {
				t.Fatalf("it has %v", got)
			}
			if entries, err := os.ReadDir(directory); err != nil || len(entries) != 0 {
				t.Errorf("left: %v, %v", entries, err)
			}
		})
	}
}

// Whatever bytes are turned, reading ends, in an error or a list.
func TestReadDamaged(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, whole := range []string{fixture(t, "rpmdb.sqlite"), fixture(t, "Packages"), ndb(t)} {
		for range 15 {
			data := []byte(whole)
			for range 1 + random.IntN(40) {
				at := random.IntN(len(data))
				if random.IntN(2) == 0 { // where the structure is
					at = random.IntN(min(8192, len(data)))
				}
				data[at] = byte(random.Uint32())
			}
			got, err := rpmdb.Read(context.Background(),
				image(t, nil, map[string]string{"var/lib/rpm/Packages": string(data)}), t.TempDir())
			if err == nil && len(got) == 0 {
				t.Errorf("an empty list and no error")
			}
		}
	}
}

func TestCompare(t *testing.T) {
	got := rpmdb.Compare(rpmdb.Versions{"same": "1-1", "old": "1-1", "gone": "1-1"},
		rpmdb.Versions{"same": "1-1", "old": "2-1", "new": "1-1"})
	want := rpmdb.Diff{Changed: map[string]rpmdb.Change{"old": {Old: "1-1", New: "2-1"}},
		Added: rpmdb.Versions{"new": "1-1"}, Removed: rpmdb.Versions{"gone": "1-1"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

package rpmdb

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	rpmdb "github.com/knqyf263/go-rpmdb/pkg"
	"github.com/mattn/go-sqlite3"
	"golang.org/x/sys/unix"
)

// helperName is what this program is called where it reads a database.
const helperName = "oc-rebuild-rpmdb"

// Limits of the helper: an operating system has about 600 packages, whose headers take 100 MiB and a second.
const (
	maxTime   = 60 * time.Second // of the processor, and of the clock
	maxMemory = 1 << 30          // bytes of data
)

// Reexec reads a database and writes its packages to standard output where this process was started for that, and
// tells whether it was. Call it before anything else in main and return if it answers true.
func Reexec() bool {
	if len(os.Args) != 2 || os.Args[0] != helperName {
		return false
	}
	packages, err := read(os.Args[1])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(packages)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// readDatabase reads a database from an image, which may be made to harm. go-rpmdb reads on goroutines of its own,
// where a panic is the end of the process, and without limits: so it is another process, that ends and has them.
func readDatabase(ctx context.Context, path string) (list, error) {
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	var out, errs bytes.Buffer
	helper := exec.CommandContext(ctx, "/proc/self/exe", path)
	helper.Args[0], helper.Env = helperName, []string{}
	helper.Stdout, helper.Stderr = limited{&out, maxList}, limited{&errs, 64 << 10}
	if err := helper.Run(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return list{}, cause
		}
		line, _, _ := strings.Cut(strings.TrimSpace(errs.String()), "\n")
		return list{}, fmt.Errorf("the RPM database is broken: %s (%w)", line, err)
	}
	return parse(out.Bytes())
}

// limited takes up to a number of bytes.
type limited struct {
	to  *bytes.Buffer
	max int
}

func (l limited) Write(p []byte) (int, error) {
	if l.to.Len()+len(p) > l.max {
		return 0, io.ErrShortWrite
	}
	return l.to.Write(p)
}

// read is the helper's work.
func read(path string) (list, error) {
	seconds := uint64(maxTime / time.Second)
	for resource, limit := range map[int]uint64{unix.RLIMIT_CPU: seconds, unix.RLIMIT_DATA: maxMemory,
		unix.RLIMIT_FSIZE: maxMemory, unix.RLIMIT_CORE: 0} {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
			return list{}, fmt.Errorf("limiting the helper: %w", err)
		}
	}
	sql.Register("sqlite", &sqlite3.SQLiteDriver{ConnectHook: checkSQLite}) // go-rpmdb asks for it by this name
	database, err := rpmdb.Open(path)
	if err != nil {
		return list{}, err
	}
	installed, err := database.ListPackages()
	if err != nil {
		return list{}, err
	}
	var all list
	for _, p := range installed {
		epoch, arch := "0", p.Arch
		if p.Epoch != nil {
			epoch = strconv.Itoa(*p.Epoch)
		}
		if arch == "" { // a public key is a package too
			arch = "(none)"
		}
		all.Packages = append(all.Packages, Package{p.Name, epoch, p.Version, p.Release, arch})
	}
	return all, nil
}

// checkSQLite refuses a database that is damaged, which go-rpmdb would take for a shorter one, and one whose packages
// are not in a table: a view may compute without end.
func checkSQLite(connection *sqlite3.SQLiteConn) error {
	for query, want := range map[string]string{
		"PRAGMA quick_check(1)": "ok",
		"SELECT type FROM sqlite_schema WHERE name = 'Packages' COLLATE NOCASE": "table",
	} {
		rows, err := connection.Query(query, nil)
		if err != nil {
			return err
		}
		got := make([]driver.Value, 1)
		if err := errors.Join(rows.Next(got), rows.Close()); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
		if fmt.Sprint(got[0]) != want {
			return fmt.Errorf("%s says %v, not %q", query, got[0], want)
		}
	}
	return nil
}

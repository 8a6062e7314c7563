package patch

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/bluekeyes/go-gitdiff/gitdiff"

	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

const (
	maxPatch = 64 << 20  // bytes of a patch file
	maxFile  = 256 << 20 // bytes of a file that is patched
)

// Error says which part of a patch does not apply.
type Error struct {
	Patch string // file name of the patch
	File  string // file that it changes
	Hunk  int    // counted from 1; 0 = the file as a whole
	Range string // "@@ -1,2 +3,4 @@" of the hunk
	Err   error
}

// Error names patch, file and hunk.
func (e *Error) Error() string {
	if e.Hunk == 0 {
		return fmt.Sprintf("patch %q: file %q: %v", e.Patch, e.File, e.Err)
	}
	return fmt.Sprintf("patch %q: file %q: hunk %d (%s) does not apply: %v", e.Patch, e.File, e.Hunk, e.Range, e.Err)
}

// Unwrap gives access to the reason.
func (e *Error) Unwrap() error { return e.Err }

// Apply applies the patch file name to the files in dir. Files that change get the time when, so that the result does
// not depend on the time of day; a zero time leaves that alone. After an error some files may have changed already.
func Apply(dir, name string, when time.Time) error {
	text, err := readPatch(name)
	if err != nil {
		return err
	}
	files, err := parse(text)
	if err != nil {
		return fmt.Errorf("reading patch %q: %w", name, err)
	}
	if len(files) == 0 {
		return fmt.Errorf("patch %q changes no file", name)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("applying patch %q: %w", name, err)
	}
	defer root.Close()
	a := &applier{root: root, when: when}
	for _, f := range files {
		if err := a.file(f); err != nil {
			var e *Error
			if !errors.As(err, &e) {
				e = &Error{Err: err}
			}
			e.Patch, e.File = name, a.shownName(f)
			return e
		}
	}
	return nil
}

func readPatch(name string) ([]byte, error) {
	text, err := regular.Read(name, maxPatch)
	if err != nil {
		return nil, fmt.Errorf("reading a patch: %w", err)
	}
	return text, nil
}

// parse takes a patch apart. The parser has met hostile input before us, but nothing in it may end the program.
func parse(text []byte) (files []*gitdiff.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			files, err = nil, fmt.Errorf("malformed: %v", p)
		}
	}()
	files, _, err = gitdiff.Parse(bytes.NewReader(text))
	return files, err
}

func (a *applier) shownName(f *gitdiff.File) string {
	oldName, newName := a.guess(f)
	if newName != "" {
		return newName
	}
	return oldName
}

// applier changes files below a directory.
type applier struct {
	root *os.Root
	when time.Time
}

func (a *applier) file(f *gitdiff.File) error {
	oldName, newName, err := a.names(f)
	if err != nil {
		return err
	}
	var old []byte
	mode := os.FileMode(0o644)
	if oldName != "" {
		if old, mode, err = a.read(oldName); err != nil {
			return err
		}
	} else if _, err := a.root.Lstat(newName); err == nil {
		return errors.New("is there already")
	}
	changed, err := content(f, old)
	if err != nil {
		return err
	}
	if oldName != "" && !f.IsCopy && (newName == "" || oldName != newName) {
		if newName == "" && len(changed) > 0 {
			return errors.New("is not empty after what the patch removes")
		}
		if err := a.root.Remove(oldName); err != nil {
			return err
		}
	}
	if newName == "" {
		return nil
	}
	if f.NewMode != 0 {
		if mode, err = fileMode(f.NewMode); err != nil {
			return err
		}
	}
	return a.write(newName, changed, mode)
}

// fileMode returns a mode as Go has it: the parser leaves git's number, whose bits mean other things.
func fileMode(git os.FileMode) (os.FileMode, error) {
	switch git &^ 0o777 {
	case 0o100000:
		return git & 0o777, nil
	case 0o120000:
		return os.ModeSymlink | 0o777, nil
	}
	return 0, fmt.Errorf("would get mode %o, which is neither a file nor a symbolic link", uint32(git))
}

// names returns the names of the file before and after, "" where it does not exist.
func (a *applier) names(f *gitdiff.File) (oldName, newName string, err error) {
	oldName, newName = a.guess(f)
	for _, name := range []string{oldName, newName} {
		if name != "" && !allowed(name) {
			return "", "", fmt.Errorf("name %q is not allowed", name)
		}
	}
	if oldName == "" && newName == "" {
		return "", "", errors.New("has no name")
	}
	return oldName, newName, nil
}

// guess cuts off the directories a/ and b/, or others, of a plain diff, which the parser leaves.
func (a *applier) guess(f *gitdiff.File) (oldName, newName string) {
	oldName, newName = f.OldName, f.NewName
	if f.IsNew {
		oldName = ""
	}
	if f.IsDelete {
		newName = ""
	}
	prefixed := (strings.HasPrefix(oldName, "a/") || strings.HasPrefix(oldName, "b/")) && !a.exists(oldName[:1])
	switch {
	case oldName != "" && !a.exists(oldName) && (prefixed || a.exists(cut(oldName))):
		oldName = cut(oldName)
		newName = cut(newName)
	case oldName == "" && strings.HasPrefix(newName, "b/") && !a.exists("b"):
		newName = cut(newName)
	}
	return oldName, newName
}

func (a *applier) exists(name string) bool {
	_, err := a.root.Lstat(name)
	return err == nil
}

func cut(name string) string {
	_, rest, _ := strings.Cut(name, "/")
	return rest
}

// allowed refuses names outside of the tree and in .git.
func allowed(name string) bool {
	if !filepath.IsLocal(name) || path.Clean(name) != name {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.EqualFold(part, ".git") || strings.ContainsRune(part, 0) {
			return false
		}
	}
	return true
}

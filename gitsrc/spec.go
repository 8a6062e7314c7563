package gitsrc

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.podman.io/storage/pkg/regexp"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
)

// Kind says where a source comes from. Its value is what `plan -o json` prints.
type Kind string

// The kinds of source.
const (
	Payload Kind = "payload" // the commit that the payload records
	Ref     Kind = "ref"     // a branch, tag or commit of the payload's own repository
	Pull    Kind = "pull"    // a pull request of the payload's own repository
	Fork    Kind = "fork"    // another repository
	Merge   Kind = "merge"   // pull requests of the payload's own repository, merged onto a branch one after the other
	Local   Kind = "local"   // a working tree on this machine, as it is
)

// Spec is what the user wrote after the = of COMPONENT=SOURCE, taken apart.
type Spec struct {
	Kind       Kind   `json:"kind"`
	Repository string `json:"repository,omitempty"` // Fork: address of the other repository
	// Ref is a branch, tag or commit, for Ref, Fork and Merge, which merges onto it. "" is the default branch for Fork;
	// for Merge it is the branch that CI builds the component of.
	Ref  string `json:"ref,omitempty"`
	Pull int    `json:"pull,omitempty"` // Pull: number of the pull request
	// Pull: the pull request as the server merged it onto its base, not its head
	Merge bool     `json:"merge,omitempty"`
	Heads []string `json:"heads,omitempty"` // Merge: what is merged, in order: #N, or a whole commit id
	Path  string   `json:"path,omitempty"`  // Local: absolute directory
}

// Branch returns the branch, or the tag, that the user named; "" where it is a commit, something else, or nothing.
func (s Spec) Branch() string {
	if commitHex.MatchString(s.Ref) {
		return ""
	}
	return strings.TrimPrefix(s.Ref, "refs/heads/")
}

const maxRefLength = 255

var (
	orgRepo   = regexp.Delayed(`^[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
	pullForm  = regexp.Delayed(`^#([1-9][0-9]{0,8})(:merge)?$`)
	mergeForm = regexp.Delayed(`\+[#@]`)
	commitHex = regexp.Delayed(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	anyHex    = regexp.Delayed(`^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$`)
)

// Parse reads the SOURCE of COMPONENT=SOURCE:
//
//	""                        the commit that the payload records
//	@REF                      a branch, tag or whole commit id of the payload's own repository
//	#N, #N:merge              a pull request of that repository: its head, or merged onto its base
//	#N+#N... @REF+#N...       pull requests merged in this order onto the branch that CI builds, or onto REF
//	ORG/REPO[@REF]            a fork on github.com
//	URL[@REF]                 a fork anywhere: https, ssh or git@HOST:PATH (http and file only to this machine)
//	./DIR ../DIR /DIR ~/DIR   that working tree as it is
//
// An error has the class fault.Usage.
func Parse(source string) (Spec, error) {
	spec, err := parse(source)
	if err != nil {
		return Spec{}, fault.New(fault.Usage,
			"SOURCE is nothing, @REF, #N, #N:merge, #N+#N, @REF+#N, ORG/REPO[@REF], URL[@REF] or a directory that begins with ./ ../ or /",
			err)
	}
	return spec, nil
}

func parse(source string) (Spec, error) {
	switch {
	case source == "":
		return Spec{Kind: Payload}, nil
	case isDirectory(source):
		return parseLocal(source)
	case strings.HasPrefix(source, "@") && mergeForm.MatchString(source),
		strings.HasPrefix(source, "#") && strings.Contains(source, "+"):
		return parseMerge(source)
	case strings.HasPrefix(source, "@"):
		if err := CheckRef(source[1:]); err != nil {
			return Spec{}, err
		}
		return Spec{Kind: Ref, Ref: source[1:]}, nil
	case strings.HasPrefix(source, "#"):
		m := pullForm.FindStringSubmatch(source)
		if m == nil {
			return Spec{}, fmt.Errorf("source %q is not a pull request: want #N or #N:merge", source)
		}
		n, err := strconv.Atoi(m[1])
		return Spec{Kind: Pull, Pull: n, Merge: m[2] != ""}, err
	}
	return parseFork(source)
}

// parseMerge takes apart what is joined by plus signs: the base, where one is named, and the heads. A plus sign with
// neither # nor @ after it belongs to the name of a branch.
func parseMerge(source string) (Spec, error) {
	spec := Spec{Kind: Merge}
	parts := strings.Split(mergeForm.ReplaceAllStringFunc(source,
		func(sign string) string { return "\x00" + sign[1:] }), "\x00")
	if base, ok := strings.CutPrefix(parts[0], "@"); ok {
		if err := CheckRef(base); err != nil {
			return Spec{}, err
		}
		spec.Ref, parts = base, parts[1:]
	}
	for _, part := range parts {
		id, isID := strings.CutPrefix(part, "@")
		m := pullForm.FindStringSubmatch(part)
		if isID && commitHex.MatchString(id) {
			part = id
		} else if m == nil || m[2] != "" {
			return Spec{}, fmt.Errorf("source %q: cannot merge %q: want #N, or @ and a whole commit id", source, part)
		}
		if slices.Contains(spec.Heads, part) {
			return Spec{}, fmt.Errorf("source %q names %s twice", source, part)
		}
		spec.Heads = append(spec.Heads, part)
	}
	return spec, nil
}

func isDirectory(source string) bool {
	for _, prefix := range []string{"./", "../", "/", "~/"} {
		if strings.HasPrefix(source, prefix) {
			return true
		}
	}
	return source == "." || source == ".." || source == "~"
}

func parseLocal(source string) (Spec, error) {
	if strings.ContainsRune(source, 0) {
		return Spec{}, fmt.Errorf("directory %q holds a NUL byte", source)
	}
	if source == "~" || strings.HasPrefix(source, "~/") {
		home, err := os.UserHomeDir()
		if err != nil {
			return Spec{}, fmt.Errorf("directory %q: %w", source, err)
		}
		source = home + source[1:]
	}
	dir, err := filepath.Abs(source)
	if err != nil {
		return Spec{}, fmt.Errorf("directory %q: %w", source, err)
	}
	return Spec{Kind: Local, Path: dir}, nil
}

func parseFork(source string) (Spec, error) {
	address, ref := splitRef(source)
	if ref == "" && strings.HasSuffix(source, "@") {
		return Spec{}, fmt.Errorf("source %q names no branch, tag or commit after the @", source)
	}
	if ref != "" {
		if err := CheckRef(ref); err != nil {
			return Spec{}, err
		}
	}
	if orgRepo.MatchString(address) {
		address = "https://github.com/" + address
	} else if !strings.Contains(address, ":") {
		return Spec{}, fmt.Errorf("source %q is none of the known forms: for a branch write %q, for a directory %q",
			source, "@"+source,
			"./"+source)
	}
	u, err := giturl.Parse(address)
	if err != nil {
		return Spec{}, err
	}
	return Spec{Kind: Fork, Repository: u.String(), Ref: ref}, nil
}

// splitRef cuts ADDRESS@REF at the first @ of the path; an @ before that belongs to the user name.
func splitRef(source string) (address, ref string) {
	start := 0
	if i := strings.Index(source, "://"); i >= 0 {
		start = i + len("://")
		slash := strings.IndexByte(source[start:], '/')
		if slash < 0 {
			return source, ""
		}
		start += slash
	} else if colon := strings.IndexByte(source, ':'); colon >= 0 {
		if at := strings.IndexByte(source, '@'); at < colon {
			start = colon
		}
	}
	address, ref, _ = strings.Cut(source[start:], "@")
	return source[:start] + address, ref
}

// CheckRef tells whether ref can be the name of a branch or tag, by the rules of git check-ref-format, or a whole
// commit id in lower case.
func CheckRef(ref string) error {
	bad := func(why string) error { return fmt.Errorf("branch, tag or commit %q: %s", ref, why) }
	switch {
	case ref == "" || len(ref) > maxRefLength:
		return bad("empty or too long")
	case anyHex.MatchString(ref) && !commitHex.MatchString(ref):
		return bad("commit ids are written in lower case")
	case strings.HasPrefix(ref, "-"):
		return bad("begins with a dash")
	case strings.Contains(ref, "..") || strings.Contains(ref, "@{") || strings.Contains(ref, "//"):
		return bad("holds .., // or @{")
	case strings.HasPrefix(ref, "/") || strings.HasSuffix(ref, "/") || strings.HasSuffix(ref, ".") || ref == "@":
		return bad("not a name of a branch or tag")
	}
	for _, part := range strings.Split(ref, "/") {
		if strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return bad("a part begins with a dot or ends in .lock")
		}
	}
	for _, r := range ref {
		if r <= 0x20 || r == 0x7f || strings.ContainsRune(`~^:?*[\`, r) || r >= 0x80 && r < 0xa0 || r == 0xfffd {
			return bad("has a character that is not allowed")
		}
	}
	return nil
}

// CheckCommit tells whether id is a whole commit id: 40 or 64 hexadecimal digits in lower case.
func CheckCommit(id string) error {
	if !commitHex.MatchString(id) {
		return fmt.Errorf("commit %q is not 40 or 64 hexadecimal digits in lower case", id)
	}
	return nil
}

// String writes the spec as Parse reads it.
func (s Spec) String() string {
	switch s.Kind {
	case Ref:
		return "@" + s.Ref
	case Pull:
		if s.Merge {
			return fmt.Sprintf("#%d:merge", s.Pull)
		}
		return fmt.Sprintf("#%d", s.Pull)
	case Merge:
		var parts []string
		if s.Ref != "" {
			parts = append(parts, "@"+s.Ref)
		}
		for _, head := range s.Heads {
			if !strings.HasPrefix(head, "#") {
				head = "@" + head
			}
			parts = append(parts, head)
		}
		return strings.Join(parts, "+")
	case Fork:
		if s.Ref == "" {
			return s.Repository
		}
		return s.Repository + "@" + s.Ref
	case Local:
		return s.Path
	}
	return ""
}

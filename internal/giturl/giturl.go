package giturl

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"

	"go.podman.io/storage/pkg/regexp"
)

// maxLength of an address in bytes. Browsers and servers stop at about as much.
const maxLength = 2048

// URL is the address of a git repository that passed the checks of Parse or ParsePayload.
type URL struct {
	Scheme string // https, ssh, http or file
	User   string // ssh only; "" = git
	Host   string // lower case, with ":port" where the address had one; "" for file
	Path   string // begins with a slash, is clean, has no trailing slash
}

var (
	hostLabel  = regexp.Delayed(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$`)
	userName   = regexp.Delayed(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)
	remotePath = regexp.Delayed(`^(/[A-Za-z0-9._~+@-]+)+$`)
	scpForm    = regexp.Delayed(`^(?:([^@/:]+)@)?([^@/:]+):([^:]+)$`)
)

// ParsePayload reads the source location that a release payload or another file of the network names: https or ssh,
// never an address of this machine or of its link. The scp-like form git@HOST:PATH becomes https://HOST/PATH, as `oc
// adm release info` shows it, because the repositories of a payload are public.
func ParsePayload(s string) (URL, error) {
	if m := scpForm.FindStringSubmatch(s); m != nil && !strings.Contains(s, "://") {
		s = "https://" + m[2] + "/" + strings.TrimPrefix(m[3], "/")
	}
	u, err := parseRemote(s)
	if err != nil {
		return URL{}, err
	}
	if u.Scheme != "https" && u.Scheme != "ssh" {
		return URL{}, fmt.Errorf("git address %q: only https and ssh are allowed here", s)
	}
	if ip, err := netip.ParseAddr(u.hostname()); u.hostname() == "localhost" || err == nil && !routed(ip) {
		return URL{}, fmt.Errorf("git address %q: names this machine or its local link", s)
	}
	return u, nil
}

// Parse reads an address that the user gave: on the command line, or in the user's git configuration
// (url.<base>.insteadOf). Besides https and ssh it may be http to a loopback address, file:///DIR or an absolute
// directory.
func Parse(s string) (URL, error) {
	if rest, ok := strings.CutPrefix(s, "file://"); ok {
		s = rest
		if !strings.HasPrefix(s, "/") {
			return URL{}, fmt.Errorf("git address %q: a file address needs an absolute directory", "file://"+s)
		}
	}
	if strings.HasPrefix(s, "/") {
		return parseFile(s)
	}
	if m := scpForm.FindStringSubmatch(s); m != nil && !strings.Contains(s, "://") {
		user := m[1]
		if user == "" {
			user = "git"
		}
		s = "ssh://" + user + "@" + m[2] + "/" + strings.TrimPrefix(m[3], "/")
	}
	return parseRemote(s)
}

func parseFile(dir string) (URL, error) {
	if err := checkText(dir); err != nil {
		return URL{}, err
	}
	return URL{Scheme: "file", Path: path.Clean(dir)}, nil
}

func parseRemote(s string) (URL, error) {
	if err := checkText(s); err != nil {
		return URL{}, err
	}
	parsed, err := url.Parse(s)
	if err != nil {
		// The error of net/url repeats the whole address, with a password if there is one.
		return URL{}, fmt.Errorf("git address %q is not a URL", withoutPassword(s))
	}
	shown := parsed.Redacted()
	u := URL{Scheme: parsed.Scheme, Host: strings.ToLower(parsed.Host), Path: strings.TrimRight(parsed.Path, "/")}
	if _, ok := parsed.User.Password(); ok {
		return URL{}, fmt.Errorf("git address %q carries a password: use a credential helper, .netrc or GIT_TOKEN instead", shown)
	}
	switch u.Scheme {
	case "https", "http":
		if parsed.User != nil {
			return URL{}, fmt.Errorf("git address %q carries a user name: use a credential helper, .netrc or GIT_TOKEN instead", shown)
		}
	case "ssh":
		u.User = parsed.User.Username()
		if u.User != "" && !userName.MatchString(u.User) {
			return URL{}, fmt.Errorf("git address %q: bad user name", shown)
		}
	default:
		return URL{}, fmt.Errorf("git address %q: scheme %q is not supported, only https and ssh", shown, parsed.Scheme)
	}
	if err := checkHost(u); err != nil {
		return URL{}, fmt.Errorf("git address %q: %w", shown, err)
	}
	if u.Scheme == "http" && !u.loopback() {
		return URL{}, fmt.Errorf("git address %q: http is allowed to loopback addresses only, use https", shown)
	}
	if parsed.RawQuery != "" || parsed.Fragment != "" || strings.ContainsAny(s, "%?#") {
		return URL{}, fmt.Errorf("git address %q: no query, fragment or percent sign allowed", shown)
	}
	if !remotePath.MatchString(u.Path) || path.Clean(u.Path) != u.Path {
		return URL{}, fmt.Errorf("git address %q: bad path", shown)
	}
	for _, segment := range strings.Split(u.Path[1:], "/") {
		if strings.HasPrefix(segment, "-") {
			return URL{}, fmt.Errorf("git address %q: a part of the path begins with a dash", shown)
		}
	}
	return u, nil
}

// checkText refuses what no address has: control characters, spaces, a leading dash, absurd length.
func checkText(s string) error {
	if len(s) > maxLength {
		return fmt.Errorf("git address of %d bytes is too long", len(s))
	}
	if s == "" || strings.HasPrefix(s, "-") {
		return fmt.Errorf("git address %q is empty or begins with a dash", s)
	}
	for _, r := range s {
		if r < 0x20 || r == 0x7f || r == '\\' || r > 0x7e && !strings.HasPrefix(s, "/") {
			return fmt.Errorf("git address %q has a character that is not allowed", withoutPassword(s))
		}
	}
	return nil
}

func checkHost(u URL) error {
	name, port, err := net.SplitHostPort(u.Host)
	if err != nil {
		name, port = strings.Trim(u.Host, "[]"), ""
	} else if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("bad port %q", port)
	}
	if ip, err := netip.ParseAddr(name); err == nil {
		if ip.Zone() != "" {
			return fmt.Errorf("bad host %q", name)
		}
		return nil
	}
	if name == "" || len(name) > 253 {
		return fmt.Errorf("bad host %q", name)
	}
	for _, label := range strings.Split(name, ".") {
		if !hostLabel.MatchString(label) {
			return fmt.Errorf("bad host %q", name)
		}
	}
	return nil
}

func (u URL) hostname() string {
	if name, _, err := net.SplitHostPort(u.Host); err == nil {
		return name
	}
	return strings.Trim(u.Host, "[]")
}

func (u URL) loopback() bool {
	if u.hostname() == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(u.hostname())
	return err == nil && ip.IsLoopback()
}

// routed tells whether packets to ip leave the local link.
func routed(ip netip.Addr) bool {
	ip = ip.Unmap()
	return !ip.IsLoopback() && !ip.IsLinkLocalUnicast() && !ip.IsUnspecified() && !ip.IsMulticast()
}

// withoutPassword hides what stands between :// and @, for addresses that could not be parsed.
func withoutPassword(s string) string {
	scheme, rest, ok := strings.Cut(s, "://")
	if at := strings.LastIndex(rest, "@"); ok && at >= 0 {
		return scheme + "://***" + rest[at:]
	}
	return s
}

// String returns the address as git takes it. It never holds a password.
func (u URL) String() string {
	switch {
	case u.Scheme == "file":
		return "file://" + u.Path
	case u.User != "":
		return u.Scheme + "://" + u.User + "@" + u.Host + u.Path
	}
	return u.Scheme + "://" + u.Host + u.Path
}

// Web returns the address as labels and annotations of images carry it: https, without user, ssh port and the suffix
// .git.
func (u URL) Web() string {
	switch u.Scheme {
	case "https":
		return "https://" + u.Host + strings.TrimSuffix(u.Path, ".git")
	case "ssh":
		host := u.hostname()
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return "https://" + host + strings.TrimSuffix(u.Path, ".git")
	}
	return strings.TrimSuffix(u.String(), ".git")
}

// Hostname returns the host without port.
func (u URL) Hostname() string { return u.hostname() }

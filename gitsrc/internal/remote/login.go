package remote

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/plumbing/transport/ssh"
	cryptossh "golang.org/x/crypto/ssh"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/gitconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

const maxHelperOutput = 64 << 10

// logins finds credentials for one address, in the order: tokens of the environment, .netrc, credential helpers. Each
// is tried once.
type logins struct {
	address  giturl.URL
	getenv   func(string) string
	limits   Limits
	sources  []func(context.Context) (transport.AuthMethod, error)
	names    []string
	position int
	used     []string
	unused   string // why what looks like credentials is none
}

func newLogins(address giturl.URL, config *gitconfig.Config, getenv func(string) string, limits Limits) *logins {
	l := &logins{address: address, getenv: getenv, limits: limits}
	if address.Scheme != "https" && address.Scheme != "http" {
		return l
	}
	for _, name := range tokenVariables(address) {
		if token := getenv(name); token != "" {
			l.add(name, func(context.Context) (transport.AuthMethod, error) {
				// the name is for show: both hosts look at the token only
				return &githttp.BasicAuth{Username: "oauth2", Password: token}, nil
			})
		}
	}
	l.add(".netrc", l.netrc)
	for _, helper := range config.Helpers(address) {
		user := config.ForURL("credential", "username", address)
		usePath := config.ForURL("credential", "usehttppath", address) == "true"
		l.add("credential helper "+strings.Fields(helper + " ?")[0],
			func(ctx context.Context) (transport.AuthMethod, error) {
				return l.helper(ctx, helper, user, usePath)
			})
	}
	return l
}

// tokenVariables returns the variables whose token is meant for the host. A token is never sent to a host that it was
// not made for.
func tokenVariables(u giturl.URL) []string {
	switch {
	case u.Scheme != "https":
		return nil
	case u.Host == "github.com":
		return []string{"GIT_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"}
	case u.Host == "gitlab.com":
		return []string{"GITLAB_TOKEN"}
	}
	return nil
}

func (l *logins) add(name string, source func(context.Context) (transport.AuthMethod, error)) {
	l.names, l.sources = append(l.names, name), append(l.sources, source)
}

// next returns the next credentials, or nil when there are no more.
func (l *logins) next(ctx context.Context) (transport.AuthMethod, error) {
	for l.position < len(l.sources) {
		i := l.position
		l.position++
		auth, err := l.sources[i](ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.names[i], err)
		}
		if auth != nil {
			l.used = append(l.used, l.names[i])
			return auth, nil
		}
	}
	return nil, nil
}

// tried says which credentials were refused.
func (l *logins) tried() string {
	if len(l.used) == 0 {
		return " without credentials" + l.unused
	}
	return " with the credentials of " + strings.Join(l.used, ", ")
}

// netrc looks for "machine HOST login NAME password WORD" in $NETRC or ~/.netrc. "default" is for no host: a payload
// names any, and each would be told the password.
func (l *logins) netrc(context.Context) (transport.AuthMethod, error) {
	path := l.getenv("NETRC")
	if path == "" {
		path = filepath.Join(l.getenv("HOME"), ".netrc")
	}
	text, err := regular.Read(path, maxNetrc)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return nil, nil // having none is normal
	}
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", path, err)
	}
	if user, password, ok := netrcLogin(string(text), l.address.Hostname()); ok {
		return &githttp.BasicAuth{Username: user, Password: password}, nil
	}
	if slices.Contains(strings.Fields(string(text)), "default") {
		l.unused = fmt.Sprintf(" (%q in %q is for no host: write \"machine %s\")", "default", path,
			l.address.Hostname())
	}
	return nil, nil
}

func netrcLogin(text, host string) (user, password string, ok bool) {
	words := strings.Fields(text)
	match := false
	for i := 0; i < len(words); i++ {
		value := ""
		if i+1 < len(words) {
			value = words[i+1]
		}
		switch words[i] {
		case "machine", "default":
			if ok {
				return user, password, true
			}
			match = words[i] == "machine" && value == host
			if words[i] == "machine" {
				i++
			}
		case "login":
			if match {
				user = value
			}
			i++
		case "password":
			if match {
				password, ok = value, true
			}
			i++
		case "macdef":
			return user, password, ok // macros are not credentials, and end at an empty line, which Fields has lost
		}
	}
	return user, password, ok
}

// helper asks a credential helper as git does: NAME is git-credential-NAME, an absolute path is a program, !TEXT is
// for the shell.
func (l *logins) helper(ctx context.Context, helper, user string, usePath bool) (transport.AuthMethod, error) {
	ctx, cancel := context.WithTimeout(ctx, l.limits.HelperAnswer)
	defer cancel()
	var command string
	switch {
	case strings.HasPrefix(helper, "!"):
		command = helper[1:]
	case strings.HasPrefix(helper, "/"):
		command = helper
	default:
		command = "git credential-" + helper
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command+" get")
	question := "protocol=" + l.address.Scheme + "\nhost=" + l.address.Host + "\n"
	if usePath {
		question += "path=" + strings.TrimPrefix(l.address.Path, "/") + "\n"
	}
	if user != "" {
		question += "username=" + user + "\n"
	}
	cmd.Stdin = strings.NewReader(question + "\n")
	cmd.WaitDelay = l.limits.HelperAnswer / 10
	out, err := cmd.Output()
	if err != nil {
		if ctx.Err() != nil {
			return nil, errors.New("does not answer")
		}
		return nil, nil // a helper that knows nothing may say so by failing
	}
	return parseHelper(out[:min(len(out), maxHelperOutput)], user), nil
}

func parseHelper(out []byte, user string) transport.AuthMethod {
	auth := &githttp.BasicAuth{Username: user}
	lines := bufio.NewScanner(strings.NewReader(string(out)))
	for lines.Scan() {
		switch key, value, _ := strings.Cut(lines.Text(), "="); key {
		case "username":
			auth.Username = value
		case "password":
			auth.Password = value
		}
	}
	if auth.Password == "" {
		return nil
	}
	return auth
}

// ssh returns the keys of the agent, else those of ~/.ssh that need no passphrase.
func (l *logins) ssh(user string) (transport.AuthMethod, error) {
	if user == "" {
		user = "git"
	}
	if l.getenv("SSH_AUTH_SOCK") != "" {
		auth, err := ssh.NewSSHAgentAuth(user)
		if err == nil {
			l.used = append(l.used, "the ssh agent")
			return &timed{auth, l.limits.Stall}, nil
		}
	}
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		path := filepath.Join(l.getenv("HOME"), ".ssh", name)
		if auth, err := ssh.NewPublicKeysFromFile(user, path, ""); err == nil {
			l.used = append(l.used, path)
			return &timed{auth, l.limits.Stall}, nil
		}
	}
	return nil, errors.New("no ssh agent, and no key without passphrase in ~/.ssh")
}

// timed limits how long a connection may take to be made: go-git has no other place for it.
type timed struct {
	ssh.AuthMethod
	timeout time.Duration
}

// ClientConfig returns the configuration of the method, with the limit.
func (a *timed) ClientConfig() (*cryptossh.ClientConfig, error) {
	config, err := a.AuthMethod.ClientConfig()
	if err == nil {
		config.Timeout = a.timeout
	}
	return config, err
}

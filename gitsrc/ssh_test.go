package gitsrc_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

func key(t *testing.T) (ed25519.PrivateKey, ssh.Signer) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return private, signer
}

// sshServer runs git-upload-pack for whoever has the key, and returns its address.
func sshServer(t *testing.T, root string, host ssh.Signer, allowed ssh.PublicKey) string {
	t.Helper()
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(allowed.Marshal()) {
			return nil, fmt.Errorf("unknown key")
		}
		return nil, nil
	}}
	config.AddHostKey(host)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serveSSH(conn, config, root)
		}
	}()
	return listener.Addr().String()
}

func serveSSH(conn net.Conn, config *ssh.ServerConfig, root string) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		channel, requests, err := offered.Accept()
		if err != nil {
			return
		}
		go func() {
			defer channel.Close()
			for r := range requests {
				if r.Type != "exec" || len(r.Payload) < 4 {
					r.Reply(false, nil)
					continue
				}
				r.Reply(true, nil)
				path := strings.Trim(strings.TrimPrefix(string(r.Payload[4:]), "git-upload-pack "), "'")
				cmd := exec.Command("git", "-c", "safe.directory=*", "upload-pack", filepath.Join(root, path))
				cmd.Stdin, cmd.Stdout, cmd.Stderr = channel, channel, channel.Stderr()
				status := byte(0)
				if cmd.Run() != nil {
					status = 1
				}
				channel.SendRequest("exit-status", false, []byte{0, 0, 0, status})
				return
			}
		}()
	}
}

func TestSSH(t *testing.T) {
	server := serve(t, "none")
	upstream := server.repo(t, "openshift/component")
	first := upstream.commitFiles("main", "one", someFiles())
	upstream.commitFiles("main", "two", map[string]string{"README": "two\n"})
	_, host := key(t)
	private, signer := key(t)
	address := sshServer(t, server.root, host, signer.PublicKey())

	home := t.TempDir()
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	write(t, home, ".ssh/id_ed25519", string(pem.EncodeToMemory(block)))
	known := filepath.Join(home, "known_hosts")
	t.Setenv("SSH_KNOWN_HOSTS", known)
	write(t, home, "known_hosts", knownhosts.Line([]string{address}, host.PublicKey())+"\n")
	fork := gitsrc.Request{Spec: gitsrc.Spec{Kind: gitsrc.Fork,
		Repository: "ssh://git@" + address + "/openshift/component.git", Ref: first}}
	withHome := func(home string) func(*gitsrc.Options) {
		return func(o *gitsrc.Options) { o.Getenv = server.environment(t, "HOME", home) }
	}
	s, _ := server.store(t, withHome(home))
	checkClean(t, mustFetch(t, s, fork))

	s, _ = server.store(t, withHome(t.TempDir()))
	if err := refused(t, s, fork, "no ssh agent"); fault.KindOf(err) != fault.Unauthorized {
		t.Errorf("without a key: class %d", fault.KindOf(err))
	}
	other, _ := key(t)
	if block, err = ssh.MarshalPrivateKey(other, ""); err != nil {
		t.Fatal(err)
	}
	stranger := t.TempDir()
	write(t, stranger, ".ssh/id_ed25519", string(pem.EncodeToMemory(block)))
	s, _ = server.store(t, withHome(stranger))
	if err := refused(t, s, fork, "refuses access"); fault.KindOf(err) != fault.Unauthorized {
		t.Errorf("with another key: class %d", fault.KindOf(err))
	}
	_, impostor := key(t)
	if err := os.WriteFile(known, []byte(knownhosts.Line([]string{address}, impostor.PublicKey())+"\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	s, _ = server.store(t, withHome(home))
	refused(t, s, fork, "knownhosts")
}

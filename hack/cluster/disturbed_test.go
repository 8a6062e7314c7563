package cluster

import (
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// proxy stands between the program and the API server, which it can make look as if it were restarted.
type proxy struct {
	net.Listener
	target string

	mu    sync.Mutex
	down  bool
	conns map[net.Conn]bool
}

// newProxy starts a proxy, and returns a kubeconfig that leads to it.
func (w *world) newProxy() (*proxy, string) {
	w.t.Helper()
	server, err := url.Parse(w.api.Host)
	if err != nil {
		w.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { listener.Close() })
	p := &proxy{Listener: listener, target: server.Host, conns: map[net.Conn]bool{}}
	go p.serve()
	data, err := os.ReadFile(w.kubeconfig)
	if err != nil {
		w.t.Fatal(err)
	}
	text := strings.ReplaceAll(string(data), server.Host, listener.Addr().String())
	kubeconfig := filepath.Join(w.home, "by-proxy")
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil || text == string(data) {
		w.t.Fatalf("the kubeconfig does not name %s: %v", server.Host, err)
	}
	return p, kubeconfig
}

func (p *proxy) serve() {
	for {
		in, err := p.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.target)
		p.mu.Lock()
		if err != nil || p.down {
			in.Close()
			if err == nil {
				out.Close()
			}
			p.mu.Unlock()
			continue
		}
		p.conns[in], p.conns[out] = true, true
		p.mu.Unlock()
		for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
			go func() {
				_, _ = io.Copy(pair[0], pair[1]) // ends when either end is closed
				pair[0].Close()
				pair[1].Close()
			}()
		}
	}
}

// goAway ends all connections, and lets no new ones through for a while.
func (p *proxy) goAway(d time.Duration) {
	p.mu.Lock()
	p.down = true
	for conn := range p.conns {
		conn.Close()
	}
	clear(p.conns)
	p.mu.Unlock()
	time.Sleep(d)
	p.mu.Lock()
	p.down = false
	p.mu.Unlock()
}

// waitUp returns when the proxy has just begun to let connections through.
func (p *proxy) waitUp() {
	for was := false; ; time.Sleep(10 * time.Millisecond) {
		p.mu.Lock()
		down := p.down
		p.mu.Unlock()
		if was && !down {
			return
		}
		was = was || down
	}
}

// TestServerGoesAway deploys and restores while the API server is away for seconds at a time.
func TestServerGoesAway(t *testing.T) {
	w := newWorld(t)
	before := w.images()[0]
	p, kubeconfig := w.newProxy()
	done := make(chan struct{})
	var away sync.WaitGroup
	away.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(700 * time.Millisecond):
				p.goAway(2 * time.Second)
			}
		}
	})
	w.source("while the server is away")
	p.waitUp()
	got := w.run(kubeconfig, "deploy", "test-operator=./src", "--dockerfile", "Dockerfile", "--to-repository",
		w.registry+"/me/operator", "--insecure",
		"--cache-dir", filepath.Join(w.home, "cache"), "--from-release", w.payload)
	if got.code != 0 {
		t.Errorf("deploy: exit code %d\n%s", got.code, got.stderr)
	} else {
		_, image, _ := strings.Cut(strings.TrimSpace(got.stdout), " ")
		w.eventuallyRuns(image)
	}
	p.waitUp() // the first request has to be answered
	if got := w.run(kubeconfig, "restore"); got.code != 0 {
		t.Errorf("restore: exit code %d\n%s", got.code, got.stderr)
	}
	close(done)
	away.Wait()
	w.ok("restore", "-q")
	w.eventuallyRuns(before)
	p.Close()
	if got := w.run(kubeconfig, "status"); got.code != 3 || !strings.Contains(got.stderr, "connection refused") {
		t.Errorf("status of a server that does not come back: exit code %d\n%s", got.code, got.stderr)
	}
}

// TestTwoAtOnce has two users change one Deployment at the same time, and take it back at the same time.
func TestTwoAtOnce(t *testing.T) {
	w := newWorld(t)
	before := w.images()[0]
	for range 3 {
		both := func(runs ...[]string) {
			var group sync.WaitGroup
			for _, args := range runs {
				group.Go(func() {
					if got := w.run(w.kubeconfig, args...); got.code != 0 {
						t.Errorf("%q: exit code %d\n%s", args, got.code, got.stderr)
					}
				})
			}
			group.Wait()
		}
		image := w.registry + "/test/busybox:1"
		both([]string{"deploy", "--image", "test-operator=" + image, "--insecure"},
			[]string{"deploy", "--image", "test-operand=" + image, "--insecure"})
		status := w.ok("status").stdout
		if !strings.Contains(status, "test-operator ") || !strings.Contains(status, "test-operand ") {
			t.Errorf("one of two is lost:\n%s", status)
		}
		both([]string{"restore", "test-operator"}, []string{"restore", "test-operand"})
		if got := w.object(operator); strings.Contains(got, "oc-rebuild") {
			t.Errorf("something is left on the operator: %s", got)
		}
		if got := w.object(versionPath); strings.Contains(got, "unmanaged") {
			t.Errorf("something is left in the ClusterVersion: %s", got)
		}
	}
	w.eventuallyRuns(before)
}

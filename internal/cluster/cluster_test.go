package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/cluster"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// connect serves a cluster that answers everything in the same way, below a path of its own.
func connect(t *testing.T, status int, answer string) *cluster.Cluster {
	t.Helper()
	return connectTo(t, http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if !strings.HasPrefix(request.URL.Path, "/below/api") {
			t.Errorf("asked for %s", request.URL.Path)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, answer)
	}))
}

func connectTo(t *testing.T, handler http.Handler) *cluster.Cluster {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	text := "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: k, cluster: {server: '" +
		server.URL + "/below'}}]\n" +
		"users: [{name: u, user: {token: canary}}]\n" +
		"contexts: [{name: c, context: {cluster: k, user: u, namespace: here}}, {name: d, context: {cluster: k}}]\n"
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := cluster.Connect(kubeconfig, "")
	if err != nil {
		t.Fatal(err)
	}
	if other, err := cluster.Connect(kubeconfig, "d"); err != nil || c.Namespace != "here" ||
		other.Namespace != "default" {
		t.Errorf("namespaces %q and %q, %v", c.Namespace, other.Namespace, err)
	}
	return c
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		status int
		answer string
		kind   fault.Kind
		is     error
		says   string
	}{
		{200, `{"a": "b"}`, 0, nil, ""},
		{401, `{"message": "log in"}`, fault.Unauthorized, nil, "refuses: log in"},
		{403, `{"message": "user \"x\" cannot get y"}`, fault.Unauthorized, nil, "cannot get y"},
		{404, `no json`, fault.Unresolved, cluster.ErrNotFound, "404"},
		{409, `{"message": "already exists"}`, fault.Unresolved, cluster.ErrExists, "already exists"},
		{500, `{"message": "etcd is away"}`, fault.Unresolved, nil, "etcd is away"},
		{200, `<html>`, fault.Unresolved, nil, "reading the answer"},
	} {
		t.Run(fmt.Sprint(test.status, test.says), func(t *testing.T) {
			c := connect(t, test.status, test.answer)
			var object map[string]string
			err := c.Get(t.Context(), "api/v1/things/one", &object)
			if fault.KindOf(err) != test.kind || test.is != nil && !errors.Is(err, test.is) ||
				err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("Get() = %v, class %v", err, fault.KindOf(err))
			}
			if err != nil && (strings.Contains(err.Error(), "canary") ||
				!strings.Contains(err.Error(), "api/v1/things/one")) {
				t.Errorf("the error is %v", err)
			}
			if test.kind == 0 && object["a"] != "b" {
				t.Errorf("read %v", object)
			}
		})
	}
}

// TestAway has a server that answered once fail in the ways of one that starts again.
func TestAway(t *testing.T) {
	var requests atomic.Int32
	c := connectTo(t, http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			t.Error(err)
		}
		switch requests.Add(1) {
		case 1, 4:
			fmt.Fprintf(w, `{"a": %q}`, body)
		case 2:
			panic(http.ErrAbortHandler)
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	var object map[string]string
	if err := c.Get(t.Context(), "api/v1/things/one", &object); err != nil {
		t.Fatal(err)
	}
	if err := c.Create(t.Context(), "api/v1/things", []byte("sent"), &object); err != nil || object["a"] != "sent" ||
		requests.Load() != 4 {
		t.Errorf("after %d requests: %v, %v", requests.Load(), object, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	if err := c.Get(ctx, "api/v1/things/one", &object); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("of a server that does not come back: %v", err)
	}
	never := connect(t, http.StatusServiceUnavailable, "")
	began := time.Now()
	if err := never.Get(t.Context(), "api/v1/things/one", &object); err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("of a server that never answered: %v after %s", err, time.Since(began))
	}
}

// TestSilent has a server that takes requests and says nothing, or begins to answer.
func TestSilent(t *testing.T) {
	for _, begins := range []bool{false, true} {
		c := connectTo(t, http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
			if begins {
				fmt.Fprint(w, "{")
				w.(http.Flusher).Flush()
			}
			<-request.Context().Done()
		}))
		c.Silence = 100 * time.Millisecond
		began := time.Now()
		err := c.Get(t.Context(), "api/v1/things/one", nil)
		if err == nil || !strings.Contains(err.Error(), "nothing within 100ms") || time.Since(began) > 10*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		stream, err := c.Stream(t.Context(), "api/v1/things/one/log")
		if (err == nil) != begins {
			t.Errorf("a log: %v", err)
		}
		if err == nil { // it may be silent for long, until nobody wants it
			if err := stream.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestReleases(t *testing.T) {
	c := connect(t, 200,
		`{"status": {"desired": {"version": "4.12.1", "image": "q.io/r@sha256:1"}, "history": [{"version": "4.12.0", "image": "q.io/r@sha256:0"}]}}`)
	desired, history, err := c.Releases(t.Context())
	if err != nil || desired.Version != "4.12.1" || len(history) != 1 || history[0].Image != "q.io/r@sha256:0" {
		t.Errorf("Releases() = %v, %v, %v", desired, history, err)
	}
	if _, _, err := connect(t, 200, `{}`).Releases(t.Context()); fault.KindOf(err) != fault.Unresolved {
		t.Errorf("of a cluster that names none: %v", err)
	}
}

func TestNoKubeconfig(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	t.Setenv("HOME", t.TempDir())
	if _, err := cluster.Connect("", ""); !errors.Is(err, cluster.ErrNoKubeconfig) || fault.KindOf(err) != fault.Usage {
		t.Errorf("without a kubeconfig: %v", err)
	}
	if _, err := cluster.Connect(filepath.Join(t.TempDir(), "none"), ""); err == nil {
		t.Error("a file that is named and not there")
	}
}

// TestToken finds the token wherever a kubeconfig has it from.
func TestToken(t *testing.T) {
	directory := t.TempDir()
	file := filepath.Join(directory, "token")
	program := filepath.Join(directory, "program")
	if err := errors.Join(os.WriteFile(file, []byte("of-a-file"), 0o600), os.WriteFile(program, []byte(`#!/bin/sh
echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"of-a-program"}}'
`), 0o700)); err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]string{
		"token: canary":      "canary",
		"tokenFile: " + file: "of-a-file",
		"exec: {apiVersion: client.authentication.k8s.io/v1, command: " + program +
			", interactiveMode: Never}": "of-a-program",
		"username: a": "",
	} {
		kubeconfig := filepath.Join(directory, "kubeconfig")
		text := "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: k, cluster: {server: 'https://127.0.0.1:1'}}]\n" +
			"contexts: [{name: c, context: {cluster: k, user: u}}]\nusers:\n- name: u\n  user: {" + user + "}\n"
		if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := cluster.Connect(kubeconfig, "")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Token(t.Context()); err != nil || got != want {
			t.Errorf("%s: token %q, %v, want %q", user, got, err, want)
		}
	}
}

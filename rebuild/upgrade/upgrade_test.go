package upgrade_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/internal/cluster"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/upgrade"
)

const image = "q.io/r@sha256:1"

// server is a cluster that goes from one status to the next each time that it is asked, once it was told where to go.
type server struct {
	mu       sync.Mutex
	allowed  bool
	statuses []string // "" = the API server is away
	patched  string
	patches  int
}

func (s *server) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(request.Body)
	switch {
	case strings.HasSuffix(request.URL.Path, "/selfsubjectaccessreviews"):
		fmt.Fprintf(w, `{"status": {"allowed": %v}}`, s.allowed && strings.Contains(string(body), `"verb":"patch"`))
	case request.Method == http.MethodPatch:
		if request.Header.Get("Content-Type") != "application/merge-patch+json" {
			w.WriteHeader(http.StatusUnsupportedMediaType)
			return
		}
		s.patched = string(body)
		s.patches++
	case s.statuses[0] == "":
		s.statuses = s.statuses[1:]
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		fmt.Fprintf(w, `{"status": %s}`, s.statuses[0])
		if len(s.statuses) > 1 {
			s.statuses = s.statuses[1:]
		}
	}
}

func connect(t *testing.T, s *server) *cluster.Cluster {
	t.Helper()
	api := httptest.NewServer(s)
	t.Cleanup(api.Close)
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	text := "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: k, cluster: {server: '" + api.URL +
		"'}}]\ncontexts: [{name: c, context: {cluster: k}}]\n"
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := cluster.Connect(kubeconfig, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// status is a ClusterVersion's, with one condition.
func status(image, state, kind, value, message string) string {
	return fmt.Sprintf(`{"desired": {"image": %q}, "conditions": [{"type": %q, "status": %q, "message": %q}], "history": [{"state": %q, "image": %q}]}`,
		image, kind, value, message, state, image)
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		description, status string
		allowed             bool
		want                fault.Kind
	}{
		{"can be upgraded", status("old", "Completed", "Progressing", "False", "Cluster version is 4.12.0"), true, 0},
		{"user may not", status("old", "Completed", "Progressing", "False", ""), false, fault.Unauthorized},
		{"under way", status("other", "Partial", "Progressing", "True", "Working towards 4.12.1"), true,
			fault.Unresolved},
	} {
		t.Run(test.description, func(t *testing.T) {
			s := &server{statuses: []string{test.status}, allowed: test.allowed}
			if err := upgrade.Check(t.Context(), connect(t, s)); fault.KindOf(err) != test.want {
				t.Errorf("Check() = %v", err)
			}
			if s.patches > 0 {
				t.Error("the cluster was changed")
			}
		})
	}
}

func TestStart(t *testing.T) {
	s := &server{statuses: []string{"{}"}}
	if err := upgrade.Start(t.Context(), connect(t, s), image); err != nil {
		t.Fatal(err)
	}
	var patch map[string]map[string]map[string]any
	if err := json.Unmarshal([]byte(s.patched), &patch); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"image": image, "force": true, "version": nil, "architecture": nil}
	if diff := cmp.Diff(want, patch["spec"]["desiredUpdate"]); diff != "" {
		t.Errorf("the patch (-want +got):\n%s", diff)
	}
}

func TestFollow(t *testing.T) {
	working := status(image, "Partial", "Progressing", "True", "Working towards 4.12.1: 5 of 800 done")
	s := &server{statuses: []string{
		status("old", "Completed", "Progressing", "False", ""), working, working, "",
		status(image, "Partial", "Failing", "True", "operator one is degraded"),
		status(image, "Completed", "Progressing", "False", "Cluster version is 4.12.1"),
	}}
	var told []string
	if err := upgrade.Follow(t.Context(), connect(t, s), image, time.Millisecond,
		func(text string) { told = append(told, text) }); err != nil {
		t.Fatal(err)
	}
	want := []string{"Working towards 4.12.1: 5 of 800 done", "operator one is degraded", "the cluster runs " + image}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("what was told (-want +got):\n%s", diff)
	}
}

func TestFollowEnds(t *testing.T) {
	s := &server{statuses: []string{status("old", "Completed", "ReleaseAccepted", "False", "cannot pull")}}
	err := upgrade.Follow(t.Context(), connect(t, s), image, time.Millisecond, func(string) {})
	if fault.KindOf(err) != fault.Unresolved || !strings.Contains(err.Error(), "cannot pull") {
		t.Errorf("a payload that is not accepted: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	s = &server{statuses: []string{status(image, "Partial", "Progressing", "True", "on its way")}}
	if err := upgrade.Follow(ctx, connect(t, s), image, time.Millisecond, func(string) {}); err == nil {
		t.Error("an upgrade that goes on is followed after the context has ended")
	}
}

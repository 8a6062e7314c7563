package ciconfig_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"sigs.k8s.io/yaml"
)

// configServer answers as the config resolver does, from the given configs by "org/repo@branch[__variant]", and notes
// what was asked for.
func configServer(t *testing.T, configs map[string]string) (*httptest.Server, *[]string) {
	t.Helper()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		name := q.Get("org") + "/" + q.Get("repo") + "@" + q.Get("branch")
		if variant := q.Get("variant"); variant != "" {
			name += "__" + variant
		}
		asked = append(asked, name)
		text, ok := configs[name]
		if !ok || r.URL.Path != "/config" || r.Method != http.MethodGet {
			http.Error(w, "failed to get config: no such config", http.StatusNotFound)
			return
		}
		var config map[string]any
		if err := yaml.Unmarshal([]byte(text), &config); err != nil {
			t.Error(err)
		}
		config["zz_generated_metadata"] = map[string]string{"org": q.Get("org"), "repo": q.Get("repo"),
			"branch":  q.Get("branch"),
			"variant": q.Get("variant")}
		data, err := json.MarshalIndent(config, "", "  ")
		if err != nil {
			t.Error(err)
		}
		w.Write(data)
	}))
	t.Cleanup(server.Close)
	return server, &asked
}

func TestResolver(t *testing.T) {
	server, asked := configServer(t, map[string]string{
		"openshift/api@master":                 promoting("ocp/4.18", "", "api"),
		"openshift/api@release-4.17":           promoting("ocp/4.17", "", "api"),
		"openshift/cli@openshift-4.17":         promoting("ocp/4.17", "", "cli"),
		"openshift/api@release-4.17__okd-scos": promoting("origin/scos-4.17", "", "api"),
		"openshift/api@release-4.17__other":    promoting("q/r", "", "tool"),
		"openshift/api@fcos":                   promoting("a/b", "", "api"),
	})
	resolver, err := ciconfig.NewResolver(server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	ocp, scos := ciconfig.Stream{Namespace: "ocp", Name: "4.17"},
		ciconfig.Stream{Namespace: "origin", Name: "scos-4.17"}
	tests := []struct {
		description string
		query       ciconfig.Query
		want, asked string
	}{
		{"one request for a release", ciconfig.Query{Stream: ocp, Org: "openshift", Repo: "api",
			Tag: "api"}, "release-4.17",
			"openshift/api@release-4.17"},
		{"the payload's branch has moved on", ciconfig.Query{Stream: ocp, Org: "openshift-priv", Repo: "api",
			Tag: "api", Ref: "master"},
			"release-4.17", "openshift/api@master openshift/api@release-4.17"},
		{"another naming of branches", ciconfig.Query{Stream: ocp, Org: "openshift", Repo: "cli",
			Tag: "cli"}, "openshift-4.17",
			"openshift/cli@release-4.17 openshift/cli@openshift-4.17"},
		{"one request for OKD", ciconfig.Query{Stream: scos, Org: "openshift", Repo: "api", Tag: "api"}, "release-4.17",
			"openshift/api@release-4.17__okd-scos"},
		{"a branch that the user names", ciconfig.Query{Stream: scos, Org: "openshift", Repo: "api", Tag: "api",
			Branch: "fcos"}, "fcos", "openshift/api@fcos__okd-scos openshift/api@fcos"},
		{"--variant and --image", ciconfig.Query{Stream: ocp, Org: "openshift", Repo: "api",
			Tag: "api", Variant: "other",
			Image: "tool"}, "release-4.17", "openshift/api@release-4.17__other"},
		{"nothing", ciconfig.Query{Stream: ocp, Org: "openshift", Repo: "nothing", Tag: "nothing"}, "", ""},
		{"no repository", ciconfig.Query{Stream: ocp, Tag: "api"}, "", ""},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			*asked = nil
			match, err := resolver.Find(context.Background(), test.query)
			if test.want == "" {
				if fault.KindOf(err) != fault.Unresolved {
					t.Errorf("Find = %+v, %v, want an error of class Unresolved", match, err)
				}
				return
			}
			if err != nil || match.Branch != test.want || match.Origin != server.URL {
				t.Errorf("Find = %+v, %v, want %s", match, err, test.want)
			}
			if got := strings.Join(*asked, " "); got != test.asked {
				t.Errorf("asked for %s, want %s", got, test.asked)
			}
		})
	}
}

func TestResolverAddress(t *testing.T) {
	for address, good := range map[string]bool{
		"https://config.ci.openshift.org": true, "http://127.0.0.1:8080/prefix": true, "http://localhost:1": true,
		"http://[::1]:1":                 true,
		"http://config.ci.openshift.org": false, "ftp://x": false, "file:///etc/passwd": false,
		"https://user:secret@x": false,
		"https://x?y=z":         false,
		"https://x#y":           false, "config.ci.openshift.org": false, "": false, "https://": false,
		"https://x\n":                   false,
		"http://127.0.0.1.evil.example": false,
	} {
		_, err := ciconfig.NewResolver(address, nil)
		if (err == nil) != good || err != nil && fault.KindOf(err) != fault.Usage {
			t.Errorf("NewResolver(%q): %v", address, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error %v tells the password", err)
		}
	}
}

func TestResolverFails(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		t.Error("a redirect to another host was followed")
		w.WriteHeader(http.StatusNotFound)
	}))
	defer other.Close()
	tests := []struct {
		description string
		handler     http.HandlerFunc
		kind        fault.Kind
		message     string
	}{
		{"a redirect to another host",
			func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) },
			fault.Unresolved, "redirects to another place"},
		{"a redirect in circles",
			func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.String(), http.StatusFound) },
			fault.Unresolved, "in circles"},
		{"401", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
			fault.Unauthorized, "answers 401"},
		{"500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
			fault.Unresolved, "answers 500"},
		{"an endless answer", func(w http.ResponseWriter, r *http.Request) {
			for block := []byte(strings.Repeat("#", 1<<20)); r.Context().Err() == nil; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}, fault.Unresolved, "more than 8388608"},
		{"another repository's config", func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte(`{"zz_generated_metadata":{"org":"a","repo":"b","branch":"c"}}`))
		}, fault.Unresolved, "answers with"},
		{"not a config", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) }, fault.Unresolved,
			"a config must be a mapping"},
		{"a broken connection",
			func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fault.Unresolved,
			"asking the config resolver"},
	}
	query := ciconfig.Query{Stream: ciconfig.Stream{Namespace: "ocp", Name: "4.17"}, Org: "openshift",
		Repo: "api", Tag: "api"}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			server := httptest.NewServer(test.handler)
			defer server.Close()
			resolver, err := ciconfig.NewResolver(server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = resolver.Find(context.Background(), query); fault.KindOf(err) != test.kind ||
				!strings.Contains(err.Error(), test.message) {
				t.Errorf("Find: %v, want an error of class %d with %q", err, test.kind, test.message)
			}
		})
	}
}

func TestResolverIsInterrupted(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	resolver, err := ciconfig.NewResolver(server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	query := ciconfig.Query{Stream: ciconfig.Stream{Namespace: "ocp", Name: "4.17"}, Org: "openshift",
		Repo: "api", Tag: "api"}
	if _, err := resolver.Find(ctx, query); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Find: %v, want the deadline", err)
	}
}

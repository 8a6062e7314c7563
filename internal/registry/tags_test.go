package registry_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// TestTags reads the pages of a list of tags. The place that a page names for the next one is not asked.
func TestTags(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
		switch last := request.URL.Query().Get("last"); last {
		case "":
			w.Header().Set("Link", `<https://evil.example/elsewhere?n=2&last=b>; rel="next"`)
			fmt.Fprint(w, `{"name":"a/b","tags":["a","b"]}`)
		case "b":
			w.Header().Set("Link", `</v2/a/b/tags/list?last=c>; rel="previous"`)
			fmt.Fprint(w, `{"name":"a/b","tags":["c"]}`)
		default:
			t.Errorf("asked for the tags after %q", last)
		}
		return strings.HasSuffix(request.URL.Path, "/a/b/tags/list")
	})
	got, err := payloadtest.Client(t).Tags(t.Context(), r.Host+"/a/b")
	if diff := cmp.Diff([]string{"a", "b", "c"}, got); err != nil || diff != "" {
		t.Errorf("%v, tags (-want +got):\n%s", err, diff)
	}
	page := 0
	for _, endless := range []struct {
		next func() string
		tags string
		says string
	}{
		{func() string { return "a" }, "a", "a list of tags without end"},
		{func() string { page++; return strconv.Itoa(page) }, "a", "more than 1000 pages"},
		{func() string { page++; return strconv.Itoa(page) }, strings.Repeat("a", 2<<20), "a list of tags without end"},
	} {
		r.Fail(func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Link", `</v2/a/b/tags/list?last=`+endless.next()+`>; rel="next"`)
			fmt.Fprintf(w, `{"tags":[%q]}`, endless.tags)
			return true
		})
		if _, err := payloadtest.Client(t).Tags(t.Context(), r.Host+"/a/b"); err == nil ||
			!strings.Contains(err.Error(), endless.says) {
			t.Errorf("error %v, want %s", err, endless.says)
		}
	}
}

// TestUntag removes a tag and nothing else, with a token that allows it, and says so where the registry cannot.
func TestUntag(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	spec := r.Push(t, "a/b", "c", some(nil).Build(t))
	r.Push(t, "a/b", "d", some(nil).Build(t))
	service := newTokens(t)
	r.Fail(func(w http.ResponseWriter, request *http.Request) bool { return service.admit(w, request, 1) })
	client := with(t, r.Host, login())
	for range 2 { // the second time there is none
		check(t, client.Untag(t.Context(), r.Host+"/a/b:c"))
	}
	if !slices.Contains(service.scopes, "repository:a/b:pull,push,delete") {
		t.Errorf("tokens were asked for: %q", service.scopes)
	}
	if tags, err := client.Tags(t.Context(), r.Host+"/a/b"); err != nil || !slices.Equal(tags, []string{"d"}) {
		t.Errorf("the tags are %q, %v", tags, err)
	}
	r.Fail(nil)
	r.Pull(t, spec) // what it named is there
	if err := client.Untag(t.Context(), spec); fault.KindOf(err) != fault.Usage {
		t.Errorf("a digest: %v", err)
	}
	r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
		if request.Method != http.MethodDelete {
			return false
		}
		w.WriteHeader(http.StatusMethodNotAllowed)
		return true
	})
	if err := payloadtest.Client(t).Untag(t.Context(), r.Host+"/a/b:d"); fault.KindOf(err) != fault.Publish ||
		fault.AdviceOf(err) == "" {
		t.Errorf("a registry that cannot: %v", err)
	}
}

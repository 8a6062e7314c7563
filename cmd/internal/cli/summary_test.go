package cli

import (
	"testing"

	"github.com/oc-rebuild/oc-rebuild/rebuild"
)

func TestSummary(t *testing.T) {
	one := rebuild.ResultComponent{Name: "one", Log: "x.log", Seconds: map[string]float64{"build": 40.21, "push": 0.04}}
	two := rebuild.ResultComponent{Name: "two", Seconds: map[string]float64{"build": 1}}
	seconds := map[string]float64{"total": 47.6, "resolve": 0.12}
	for want, components := range map[string][]rebuild.ResultComponent{
		"Built the image in 47.6 s (resolve 0.1 s, build 40.2 s)":                                  {one},
		"Built 1 of 2 images; what else is needed was there; 47.6 s (resolve 0.1 s, build 41.2 s)": {one, two},
		"Built 0 of 1 images; what else is needed was there; 47.6 s (resolve 0.1 s, build 1.0 s)":  {two},
	} {
		if got := summary(&rebuild.Result{Components: components, Seconds: seconds}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if seconds["build"] != 0 {
		t.Error("the result was changed")
	}
}

package builder

import "testing"

// TestGoCaches has what `go env GOCACHE GOMODCACHE` prints with such an environment.
func TestGoCaches(t *testing.T) {
	tests := []struct {
		config string
		want   GoCaches
	}{
		{`{}`, GoCaches{"/root/.cache/go-build", "/root/go/pkg/mod"}},
		{`{"Env":["GOPATH=/go"]}`, GoCaches{"/root/.cache/go-build", "/go/pkg/mod"}},
		{`{"Env":["GOPATH=/go:/other","GOCACHE=/go/.cache"]}`, GoCaches{"/go/.cache", "/go/pkg/mod"}},
		{`{"Env":["HOME=/home/me","GOMODCACHE=/mod"],"User":"1001:0"}`, GoCaches{"/home/me/.cache/go-build", "/mod"}},
		{`{"Env":["XDG_CACHE_HOME=/cache","GOPATH=","HOME=/first","HOME=/last"]}`, GoCaches{"/cache/go-build", "/last/go/pkg/mod"}},
		{`{"User":"1001"}`, GoCaches{"/root/.cache/go-build", "/root/go/pkg/mod"}},
		{`{"Env":["GOCACHE=off","GOMODCACHE=../up","GOPATH=/go/../../etc"]}`, GoCaches{"", ""}},
		{`{"Env":["GOCACHE=/../etc/"]}`, GoCaches{"/etc", "/root/go/pkg/mod"}},
	}
	for _, test := range tests {
		got, err := Image{Config: []byte(`{"config":` + test.config + `}`)}.GoCaches()
		if err != nil || got != test.want {
			t.Errorf("%s: %+v, %v, want %+v", test.config, got, err, test.want)
		}
	}
	if _, err := (Image{Config: []byte(`{"config":[]}`)}).GoCaches(); err == nil {
		t.Error("a config that is none is read")
	}
}

package payload

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	imagev1 "github.com/openshift/api/image/v1"
	"sigs.k8s.io/yaml"
)

// TestStreamsAreReadAsOCReadsThem compares image streams whose keys have any case, and come twice, with what oc's
// reader makes of them.
func TestStreamsAreReadAsOCReadsThem(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	spell := func(key string) string {
		switch random.IntN(4) {
		case 0:
			return strings.ToUpper(key)
		case 1:
			return strings.ToUpper(key[:1]) + key[1:]
		}
		return key
	}
	object := func(makers map[string]func() string) string {
		var fields []string
		for range random.IntN(4) {
			for key, value := range makers {
				if random.IntN(2) == 0 {
					fields = append(fields, fmt.Sprintf("%q:%s", spell(key), value()))
				}
			}
		}
		return "{" + strings.Join(fields, ",") + "}"
	}
	text := func() string { return fmt.Sprintf("%q", string(rune('a'+random.IntN(26)))) }
	from := func() string { return object(map[string]func() string{"kind": text, "name": text}) }
	tag := func() string { return object(map[string]func() string{"name": text, "from": from}) }
	tags := func() string { return "[" + tag() + "," + tag() + "]" }
	spec := func() string { return object(map[string]func() string{"tags": tags}) }
	metadata := func() string { return object(map[string]func() string{"name": text}) }
	for range 3000 {
		data := []byte(object(map[string]func() string{"kind": text, "metadata": metadata, "spec": spec}))
		want := &imagev1.ImageStream{}
		if err := yaml.Unmarshal(data, want); err != nil {
			t.Fatal(err)
		}
		if got, err := decodeStream(data); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nis read as %+v (%v), by oc as %+v", data, got, err, want)
		}
	}
}

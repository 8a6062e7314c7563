package payload

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
)

// Sizes is how much the images of a release take.
type Sizes struct {
	Images []ImageSize
	Layers int   // different ones
	Bytes  int64 // of the different layers, compressed
	Bases  int   // different base layers
}

// ImageSize is how much one image takes.
type ImageSize struct {
	Name    string
	Created time.Time
	Layers  int
	Bytes   int64 // of all its layers
	Unique  int64 // of the layers that no other image of the release has
	Base    int   // which base layer it has, from 1 on in the order in which they are met
}

// Measure adds up layers, in the order of the images' names. An image that has no layer of its own is charged for its
// top layer, unless another one was before.
func Measure(images map[string]*ImageInfo) Sizes {
	var s Sizes
	uses := map[digest.Digest]int{}
	for _, image := range images {
		for _, layer := range image.Layers {
			if uses[layer.Digest]++; uses[layer.Digest] == 1 {
				s.Layers++
				s.Bytes += layer.Size
			}
		}
	}
	bases := map[digest.Digest]int{}
	charged := map[digest.Digest]bool{}
	for _, image := range slices.SortedFunc(maps.Values(images),
		func(a, b *ImageInfo) int { return cmp.Compare(a.Name, b.Name) }) {
		size := ImageSize{Name: image.Name, Created: image.Image.Config.Created, Layers: len(image.Layers)}
		for _, layer := range image.Layers {
			size.Bytes += layer.Size
			if uses[layer.Digest] == 1 {
				size.Unique += layer.Size
			}
		}
		if n := len(image.Layers); n > 0 {
			if top := image.Layers[n-1]; size.Unique == 0 && !charged[top.Digest] {
				size.Unique, charged[top.Digest] = top.Size, true
			}
			bottom := image.Layers[0].Digest
			if bases[bottom] == 0 {
				bases[bottom] = len(bases) + 1
			}
			size.Base = bases[bottom]
		}
		s.Images = append(s.Images, size)
	}
	s.Bases = len(bases)
	return s
}

package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// keyed digests everything that decides the bytes of an image, without putting anything into place.
type keyed struct {
	*shop
	next Maker
}

func (m keyed) Make(ctx context.Context, u Unit) (Image, error) {
	if err := m.locate(ctx, &u); err != nil {
		return Image{}, err
	}
	var err error
	if u.file, err = u.dockerfile(); err != nil {
		return Image{}, err
	}
	if u.key, u.localKey, err = m.buildKeys(ctx, u); err != nil {
		return Image{}, err
	}
	image, err := m.next.Make(ctx, u)
	image.key, image.localKey = u.key, u.localKey
	return image, err
}

// locate finds the source of a unit. What the commit says all about need not be on this machine.
func (s *shop) locate(ctx context.Context, u *Unit) (err error) {
	u.tree = u.Source.Tree()
	if u.OS != nil {
		u.os, err = s.Sources.OSImage(u.OS.Base, u.OS.Changes)
		u.tree.Directory = u.os.Context
		return err
	}
	if u.tree.IsExact() {
		return nil
	}
	u.tree, err = s.Sources.Checkout(ctx, u.Name, u.Source.Request)
	return err
}

// dockerfile returns the plan's Dockerfile with the images of the same run put in.
func (u *Unit) dockerfile() (*dockerfile.File, error) {
	references := map[string]string{}
	for _, base := range u.Bases {
		if base.Built != "" {
			references[plan.PayloadScheme+base.Built] = u.reference(base)
		}
	}
	return renamed(&u.Recipe.File, references)
}

// renamed returns a Dockerfile with other names for some of the images that it names.
func renamed(file *dockerfile.File, names map[string]string) (*dockerfile.File, error) {
	texts := make([]string, len(file.References))
	for i, reference := range file.References {
		texts[i] = reference.Text
		if name, ok := names[reference.Text]; ok && !reference.Local {
			texts[i] = name
		}
	}
	return file.Replace(texts)
}

// usedScheme begins the name of an image that is only used, in a Dockerfile that is not built yet. The key of what it is
// made from follows: what is built on it is known by that, without it.
const usedScheme = "localhost/oc-rebuild:"

// reference is what a Dockerfile says for a base: a pull spec by digest, the name of an image in local storage, or that
// of one which may be there later.
func (u *Unit) reference(base plan.Base) string {
	switch need, ok := u.Needs[base.Built]; {
	case ok && need.Unit.Replaces():
		return need.Image.PullSpec
	case ok:
		return usedScheme + need.Image.key
	case base.Peel != nil:
		return base.Peel.ID()
	}
	return base.PullSpec
}

// baseNames returns what the Dockerfile calls the bases that it has by digest.
func (u *Unit) baseNames() map[string]string {
	names := map[string]string{}
	for _, base := range u.Bases {
		if _, sum := registry.SplitDigest(u.reference(base)); sum != "" {
			names[sum.String()] = u.reference(base)
			if image, ok := u.local[u.reference(base)]; ok {
				names[image.digest.String()] = u.reference(base)
			}
		}
	}
	return names
}

// recordVersion is part of every key: raise it when the same inputs would give another image.
const recordVersion = 8

// inputs are all that decides the bytes of an image. Two builds with equal inputs give the same image, so the second
// one is not made.
type inputs struct {
	Version    int               `json:"version"`
	Dockerfile string            `json:"dockerfile"` // with every base by digest
	Args       []ciconfig.Arg    `json:"args"`
	Labels     map[string]string `json:"labels"`
	Context    string            `json:"context"`         // digest of the build context
	Whole      bool              `json:"whole,omitempty"` // .dockerignore does not count
	Time       time.Time         `json:"time"`
	Platform   string            `json:"platform"`
	Network    string            `json:"network"`

	Compression string `json:"compression,omitempty"`
	// Heads are the commits that the submodules of a working tree are at: a step may ask git for them.
	Heads map[string]string `json:"heads,omitempty"`
	// Archive is that of a tree which came with a plan: its .git is not in Context, and need not be that of the commit.
	Archive string `json:"archive,omitempty"`
}

// buildKeys digests the inputs of a unit: all, and those that decide what is in local storage, where layers are not
// compressed.
func (m keyed) buildKeys(ctx context.Context, u Unit) (key, local string, err error) {
	context, err := u.contextKey(ctx, m.Sources.Known)
	if err != nil {
		return "", "", err
	}
	all := inputs{
		Version: recordVersion, Dockerfile: string(u.file.Text()), Args: u.Recipe.BuildArgs,
		Labels: u.Labels, Context: context, Whole: u.isSource(),
		Time: u.Source.Time.UTC(), Platform: m.platform(), Network: m.Build.Network, Compression: m.Compression,
		Heads: u.tree.Heads, Archive: u.Source.Archive.String(),
	}
	if key, err = keyOf(all); err != nil {
		return "", "", err
	}
	all.Network, all.Compression, all.Archive, all.Heads = "", "", "", nil
	for _, need := range u.Needs { // a key is in there, and nothing else looks like one
		if !need.Unit.Replaces() {
			all.Dockerfile = strings.ReplaceAll(all.Dockerfile, need.Image.key, need.Image.localKey)
			all.Context = strings.ReplaceAll(all.Context, need.Image.key, need.Image.localKey)
		}
	}
	local, err = keyOf(all)
	return key, local, err
}

// keyOf returns the name under which what a build makes of inputs is kept.
func keyOf(inputs any) (string, error) {
	data, err := json.Marshal(inputs)
	if err != nil {
		return "", fmt.Errorf("describing the inputs of a build: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

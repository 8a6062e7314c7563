package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	imagev1 "github.com/openshift/api/image/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// releaseTag is the tag of an image stream that the release image gets, as oc names it.
const releaseTag = "release"

// Limits of an import: the cluster answers when all images of a request are there.
const (
	importedAtOnce = 12
	importAttempts = 4 // of an image
)

// Cluster makes objects. answer is what the cluster made of one.
type Cluster interface {
	Create(ctx context.Context, path string, object []byte, answer any) error
}

// Stream is an image stream of a cluster, which imports images by itself.
type Stream struct {
	Cluster         Cluster
	Namespace, Name string
	KeepList        bool // of a manifest list all images are imported, not only that of the cluster's architecture
	Insecure        bool // the cluster may use plain http and certificates that it cannot verify
}

// Tag is where an image goes, NAMESPACE/NAME:TAG: the tag is the component, or "release".
func (s Stream) Tag(item Item) string { return s.Namespace + "/" + s.Name + ":" + streamTag(item) }

func streamTag(item Item) string {
	if item.Component == "" {
		return releaseTag
	}
	return item.Component
}

// Import makes the cluster import images, some at once, and those that failed again. done is told each image that is
// there; it may be nil.
func (s Stream) Import(ctx context.Context, items []Item, done func(Item)) error {
	for _, item := range items {
		if _, err := registry.ParsePullSpec(item.From); err != nil || strings.HasPrefix(item.From, local) {
			return fault.Errorf(fault.Usage, "%q is in no registry: a cluster cannot import it", item.From)
		}
	}
	failures := map[string]error{}
	for attempt := 1; len(items) > 0 && attempt <= importAttempts; attempt++ {
		var again []Item
		for part := range slices.Chunk(items, importedAtOnce) {
			failed, err := s.importNow(ctx, part, failures, done)
			if err != nil {
				return fmt.Errorf("importing into the image stream %s/%s: %w", s.Namespace, s.Name, err)
			}
			again = append(again, failed...)
		}
		items = again
	}
	var errs []error
	for _, item := range items {
		errs = append(errs, failures[item.From])
	}
	if len(errs) > 0 {
		return fault.New(fault.Publish, "The cluster's pull secret may lack the registry.",
			fmt.Errorf("the cluster could not import %d images into %s/%s: %w", len(items), s.Namespace, s.Name,
				errors.Join(errs...)))
	}
	return nil
}

// importNow imports some images, and returns those that failed.
func (s Stream) importNow(ctx context.Context, items []Item, failures map[string]error,
	done func(Item)) (failed []Item, err error) {
	request := imagev1.ImageStreamImport{
		TypeMeta:   metav1.TypeMeta{APIVersion: imagev1.GroupVersion.String(), Kind: "ImageStreamImport"},
		ObjectMeta: metav1.ObjectMeta{Name: s.Name, Namespace: s.Namespace},
		Spec:       imagev1.ImageStreamImportSpec{Import: true},
	}
	policy := imagev1.TagImportPolicy{Insecure: s.Insecure, ImportMode: imagev1.ImportModeLegacy}
	if s.KeepList {
		policy.ImportMode = imagev1.ImportModePreserveOriginal
	}
	for _, item := range items {
		request.Spec.Images = append(request.Spec.Images, imagev1.ImageImportSpec{
			From: corev1.ObjectReference{Kind: "DockerImage", Name: item.From},
			To:   &corev1.LocalObjectReference{Name: streamTag(item)}, ImportPolicy: policy})
	}
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	var answer imagev1.ImageStreamImport
	if err := s.Cluster.Create(ctx, "apis/image.openshift.io/v1/namespaces/"+s.Namespace+"/imagestreamimports", body,
		&answer); err != nil {
		return nil, err
	}
	if len(answer.Status.Images) != len(items) {
		return nil, fmt.Errorf("the cluster tells of %d of %d images", len(answer.Status.Images), len(items))
	}
	for i, item := range items {
		switch status := answer.Status.Images[i].Status; {
		case status.Status != metav1.StatusSuccess:
			failures[item.From] = fmt.Errorf("%s from %s: %s", streamTag(item), item.From, status.Message)
			failed = append(failed, item)
		case done != nil:
			done(item)
		}
	}
	return failed, nil
}

package changelog

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// Document is a change log as oc adm release info --changelog -o json prints it, with the same names, and the logs by
// repository, which are not oc's.
type Document struct {
	From          ReleaseInfo       `json:"from"`
	To            ReleaseInfo       `json:"to"`
	Components    []VersionInfo     `json:"components,omitempty"`
	FeatureGates  []FeatureGateInfo `json:"featureGates,omitempty"`
	NewImages     []ImageInfo       `json:"newImages,omitempty"`
	RemovedImages []ImageInfo       `json:"removedImages,omitempty"`
	RebuiltImages []ImageInfo       `json:"rebuiltImages,omitempty"`
	UpdatedImages []ImageInfo       `json:"updatedImages,omitempty"`
	Repositories  []*Repository     `json:"repositories"`
}

// ReleaseInfo is one of the two payloads.
type ReleaseInfo struct {
	Name         string        `json:"name"`
	Created      time.Time     `json:"created"`
	Digest       digest.Digest `json:"digest"`
	PromotedFrom string        `json:"promotedFrom,omitempty"`
}

// VersionInfo is a version that the new payload declares.
type VersionInfo struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	From    string `json:"from,omitempty"` // the old payload's, where that is another one
}

// ImageInfo is an image, or all images of a repository, with what changed in it.
type ImageInfo struct {
	Name          string       `json:"name"`
	Path          string       `json:"path"`
	ShortCommit   string       `json:"shortCommit,omitempty"`
	Commit        string       `json:"commit,omitempty"`
	ImageRef      string       `json:"imageRef,omitempty"`
	Commits       []CommitInfo `json:"commits,omitempty"`
	ElidedCommits int          `json:"elidedCommits,omitempty"`
	FullChangeLog string       `json:"fullChangeLog,omitempty"`
}

// CommitInfo is a pull request, or a commit.
type CommitInfo struct {
	Bugs       map[string]string `json:"bugs,omitempty"`   // Bugzilla's, with their addresses
	Issues     map[string]string `json:"issues,omitempty"` // Jira's
	Subject    string            `json:"subject,omitempty"`
	PullID     int               `json:"pullID,omitempty"`
	PullURL    string            `json:"pullURL,omitempty"`
	CommitID   string            `json:"commitID,omitempty"`
	CommitURL  string            `json:"commitURL,omitempty"`
	CommitDate time.Time         `json:"commitDate,omitempty"`
}

// Describe makes the document.
func Describe(d payload.Diff, logs []*Repository) Document {
	document := Document{From: releaseInfo(d.From), To: releaseInfo(d.To), Components: versions(d), Repositories: logs}
	document.FeatureGates, _ = featureGates(d)
	for _, name := range slices.Sorted(maps.Keys(d.Images)) {
		image := d.Images[name]
		switch {
		case image.From == nil:
			document.NewImages = append(document.NewImages, imageInfo(*image.To))
		case image.To == nil:
			document.RemovedImages = append(document.RemovedImages, ImageInfo{Name: name})
		case image.Rebuilt():
			document.RebuiltImages = append(document.RebuiltImages, imageInfo(*image.To))
		}
	}
	for _, log := range logs {
		document.UpdatedImages = append(document.UpdatedImages, log.describe())
	}
	return document
}

func releaseInfo(r *payload.Release) ReleaseInfo {
	return ReleaseInfo{Name: r.Name, Created: r.Created.UTC(), Digest: r.Digest, PromotedFrom: r.PromotedFrom()}
}

// versions lists what the new payload declares.
func versions(d payload.Diff) []VersionInfo {
	var list []VersionInfo
	before, _, _ := d.From.Versions()
	after, _, _ := d.To.Versions()
	for _, key := range slices.Sorted(maps.Keys(after)) {
		info := VersionInfo{Name: cmp.Or(after[key].DisplayName, key), Version: after[key].Version}
		if old := before[key].Version; old != info.Version {
			info.From = old
		}
		list = append(list, info)
	}
	return list
}

func imageInfo(component payload.Component) ImageInfo {
	_, sum := registry.SplitDigest(component.Image)
	info := ImageInfo{Name: component.Name, ImageRef: sum.String()}
	if strings.HasPrefix(component.Source, "https://github.com/") {
		info.Path, info.Commit, info.ShortCommit = component.Source, component.Commit, short(component.Commit)
	}
	return info
}

func short(commit string) string { return commit[:min(len(commit), 8)] }

// describe returns the log of a repository.
func (r *Repository) describe() ImageInfo {
	info := ImageInfo{Name: strings.Join(r.Components, ", "), Commits: []CommitInfo{}, ElidedCommits: r.Log.Elided}
	github := strings.HasPrefix(r.Repository, "https://github.com/")
	if github {
		info.Path, info.FullChangeLog = r.Repository+"/tree/"+r.To, r.Repository+"/compare/"+r.From+"..."+r.To
	}
	for _, change := range r.Log.Changes {
		commit := CommitInfo{Subject: change.Subject, CommitDate: change.Time}
		commit.Bugs, commit.Issues = trackers(change)
		switch {
		case change.Pull > 0:
			commit.PullID, commit.PullURL = change.Pull, r.Repository+"/pull/"+strconv.Itoa(change.Pull)
		case github:
			commit.CommitID, commit.CommitURL = short(change.Commit), r.Repository+"/commit/"+short(change.Commit)
		default:
			commit.CommitID = short(change.Commit)
		}
		info.Commits = append(info.Commits, commit)
	}
	return info
}

// trackers sorts the bugs of a change by the tracker that has them.
func trackers(change gitsrc.Change) (bugzilla, jira map[string]string) {
	for _, key := range change.Bugs {
		into := &jira
		if _, err := strconv.Atoi(key); err == nil {
			into = &bugzilla
		}
		if *into == nil {
			*into = map[string]string{}
		}
		(*into)[key] = bugURL(key)
	}
	return bugzilla, jira
}

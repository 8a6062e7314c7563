package osimage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// NewCommit returns the one ostree commit that the repository of a new image has and that of the old one lacks.
func NewCommit(oldImage, newImage *os.Root) (string, error) {
	before, err := commits(oldImage)
	if err != nil {
		return "", fmt.Errorf("reading the old ostree repository: %w", err)
	}
	after, err := commits(newImage)
	if err != nil {
		return "", fmt.Errorf("reading the new ostree repository: %w", err)
	}
	var found []string
	for commit := range after {
		if !before[commit] {
			found = append(found, commit)
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("the new ostree repository has %d new commits, not one", len(found))
	}
	return found[0], nil
}

// CommitLabel is the label of machine-os-content that names the commit to boot.
func CommitLabel(commit string) map[string]string { return map[string]string{labelCommit: commit} }

// commits lists the commits of the repository in /srv/repo.
func commits(image *os.Root) (map[string]bool, error) {
	const objects = "srv/repo/objects"
	found := map[string]bool{}
	directories, err := fs.ReadDir(image.FS(), objects)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("there is none in /srv/repo")
	}
	if err != nil {
		return nil, err
	}
	for _, directory := range directories {
		if !directory.IsDir() || len(directory.Name()) != 2 {
			continue
		}
		files, err := fs.ReadDir(image.FS(), objects+"/"+directory.Name())
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			rest, ok := strings.CutSuffix(file.Name(), ".commit")
			if commit := directory.Name() + rest; ok && commitID.MatchString(commit) {
				found[commit] = true
			}
		}
	}
	return found, nil
}

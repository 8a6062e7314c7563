package gitsrc_test

import (
	"strings"
	"testing"
)

// TestOnBranch asks of commits whether a branch contains them, while a pull request is open and after it was merged.
func TestOnBranch(t *testing.T) {
	s := serve(t, "any")
	r := s.repo(t, "o/r")
	commit := func(message string, parents ...string) string {
		args := []string{"commit-tree", "-m", message, r.gitInput("", "mktree")}
		for _, parent := range parents {
			args = append(args, "-p", parent)
		}
		return r.git(args...)
	}
	first := commit("first")
	second := commit("second", first)
	pull := commit("a stranger's", first)
	tip := commit("third", second)
	old := commit("fourth", second)
	r.git("update-ref", "refs/heads/main", tip)
	r.git("update-ref", "refs/heads/release-1", old)
	r.git("update-ref", "refs/pull/1/head", pull)
	r.git("update-ref", "refs/tags/v1", pull) // a tag is no branch

	store, _ := s.store(t)
	const repository = "https://github.com/o/r"
	ask := func(commit string, want bool, branches ...string) {
		t.Helper()
		got, err := store.OnBranch(t.Context(), repository, commit, branches...)
		if err != nil || got != want {
			t.Errorf("OnBranch(%s, %v) = %t, %v, want %t", commit, branches, got, err, want)
		}
	}
	for _, id := range []string{tip, old, second, first} {
		ask(id, true)
	}
	ask(pull, false)
	ask(pull, false, "release-1", "v1", "none")
	ask(strings.Repeat("12", 20), false)

	merged := commit("merge", tip, pull)
	r.git("update-ref", "refs/heads/main", merged)
	ask(pull, true)
	r.git("update-ref", "refs/heads/main", first)
	ask(pull, true) // as it was found out before
	if _, err := store.OnBranch(t.Context(), repository, "main"); err == nil {
		t.Error("OnBranch takes a name for a commit")
	}
}

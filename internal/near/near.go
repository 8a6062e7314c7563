// Package near finds the names that a mistyped name may mean. cobra has this for commands alone.
package near

import (
	"cmp"
	"slices"
	"strings"
)

// suggestions is how many close names an error lists.
const suggestions = 5

// Names returns the names that a mistyped name may mean, best first: by edit distance, or because one contains the
// other.
func Names(name string, names []string) []string {
	type candidate struct {
		name  string
		score int
	}
	var candidates []candidate
	for _, n := range names {
		score := distance(name, n)
		if len(name) >= 3 && (strings.Contains(n, name) || strings.Contains(name, n)) {
			score = min(score, 2)
		}
		if score <= 1+len(name)/3 {
			candidates = append(candidates, candidate{n, score})
		}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return cmp.Compare(a.score, b.score) })
	var near []string
	for _, c := range candidates[:min(suggestions, len(candidates))] {
		near = append(near, c.name)
	}
	return near
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

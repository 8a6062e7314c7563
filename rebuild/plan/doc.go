// Package plan settles everything that a build needs before anything is built: which source, which recipe, what
// stands for every base, and in which order. What comes of it is a value: it holds no file, no connection and no
// function, and its JSON form read back is the same plan.
//
// Make asks for a component's config first, then for its source, then for each base in the order of the strategies,
// which may bring more images into the plan.
package plan

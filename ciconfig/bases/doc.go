// Package bases says which image to use in place of another: what users ask for with --base-image and
// --base-image-map, and a table of public stand-ins for images that only CI can pull.
//
// Both are lists of rules, PATTERN = PULLSPEC. A pattern is the name of an image as CI writes it, namespace/name:tag,
// or any other pull spec. In a pattern, * stands for any number of characters other than / : and @; in the pull spec,
// $1 stands for what the first * was, and so on. The first rule that fits wins.
package bases

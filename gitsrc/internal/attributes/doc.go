// Package attributes does to files what git does, on their way between a commit and a checkout, where .gitattributes
// asks for it: line ends (text, eol) and keywords (ident). Filters are not run, as in CI, and working-tree-encoding is
// not known. go-git reads .gitattributes, but its Matcher lets the weaker of two rules win.
package attributes

// Package dockerfile finds the images that a Dockerfile names and replaces them, leaving every other byte as it was.
//
// CI parses a Dockerfile into a tree and writes the tree back, which drops comments and loses the bodies of
// here-documents. Editing the bytes in place gives the same build without either defect. What is read is what the
// builder reads: parser directives, line continuations with comments in between, here-documents, flags with quotes.
package dockerfile

// Package plain makes text from outside safe to print: what payloads, Dockerfiles, servers and build steps say never
// reaches a terminal with its control characters.
package plain

// Package watch tells when source trees change, for builds that follow them.
package watch

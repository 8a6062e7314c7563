// Package e2e runs the built oc-rebuild binary against a playground: a real registry, a real git server, real builds.
//
// The scripts are in testdata. OC_REBUILD_BINARY names the binary to test; without it, it is built first. See
// commands_test.go for what a script can say beside the commands of testscript.
package e2e

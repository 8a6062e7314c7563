// Package cluster tests what the program does to a cluster on a real one: an API server, controllers and a node. The
// cluster version operator is played by the test.
package cluster

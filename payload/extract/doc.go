// Package extract takes files out of release payloads: client tools as archives for every platform, with the release
// written into them, and the manifests that a cluster of a given kind would apply.
package extract

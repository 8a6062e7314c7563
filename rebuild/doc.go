// Package rebuild is the job itself: plan, fetch, build, publish, assemble. It alone knows payloads, configs, sources and buildah.
package rebuild

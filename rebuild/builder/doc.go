// Package builder turns a build context and Dockerfile text into an image in local containers storage, with buildah
// as a library, the way openshift/builder runs it for CI: docker v2s2, every stage built, one layer on top of the
// base for the final stage.
//
// It knows nothing of payloads, recipes or git. Whoever embeds it must call Reexec first thing in main: buildah
// starts copies of the running program as its helpers.
package builder

// Package tekton carries out a plan on a cluster: as a PipelineRun of Tekton, with a TaskRun for each component and one
// for the payload. It writes these objects, and follows what becomes of them. What a step does is this program's own:
// `oc rebuild component` and `oc rebuild assemble`.
//
// The objects are written with structs of its own, which have the few fields that are needed: Tekton's types would
// bring all of Kubernetes' with them.
package tekton

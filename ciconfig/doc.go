// Package ciconfig reads ci-operator configs as openshift/release keeps them, and answers two questions: which config promotes a
// payload's component, and how CI builds its image (Dockerfile, context, build arguments, base images).
package ciconfig

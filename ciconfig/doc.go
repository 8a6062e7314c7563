// Package ciconfig reads ci-operator configs as openshift/release keeps them, and answers two questions: which config
// promotes a payload's component, and how CI builds its image.
//
//	tree := ciconfig.Open(root.FS(), "openshift/release")
//	match, err := tree.Find(ctx, ciconfig.Query{Stream: stream, Tag: "cluster-dns-operator", Org: "openshift", Repo: "cluster-dns-operator"})
//	recipe, err := match.Recipe()                        // Dockerfile, context, build arguments, inputs
//	text, err := recipe.ReadDockerfile(checkout.FS())    // from the component's source
//	resolution, err := recipe.Resolve(text)              // every image the Dockerfile uses, after the config's substitutions
//	file, err := resolution.Rewrite(func(b ciconfig.Base) string { return pullspecs[b.Reference] })
//
// A config describes images of the repository, and images made on the way: the build root, src (the repository on top
// of it), bin (what was compiled there) and so on. All of them are called pipeline images and named by a tag.
// Config.Graph tells which is made from which, and Config.Recipe knows how to make each.
//
// Configs come from strangers. Files are of limited size, aliases in YAML are followed a limited number of times,
// paths that lead out of the repository are refused, and errors name file, line and field.
package ciconfig

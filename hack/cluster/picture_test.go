package cluster

import (
	"os"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
	"github.com/oc-rebuild/oc-rebuild/hack/terminal"
)

// TestPicture draws a run on the cluster in a terminal, for the documents.
func TestPicture(t *testing.T) {
	to := os.Getenv("OC_REBUILD_PICTURE")
	if to == "" {
		t.Skip("`make pictures` draws it, where OC_REBUILD_CLUSTER is set")
	}
	e := newEngine(t, playground.Options{})
	release := e.p.Registry.Host + "/me/release:next"
	args := append([]string{"cluster-config-api", "cluster-config-operator", "machine-config-operator=@master",
		"--from-release", e.p.Payload,
		"--release-repo", e.p.ReleaseRepo, "--to-image", release}, e.flags...)
	command, _, _ := e.command(args...)
	command.Env = append(command.Env, "TERM=xterm-256color")
	output, err := terminal.Run(command, 110, 40)
	if err != nil {
		t.Fatal(err)
	}
	shown := terminal.NewScreen()
	shown.Write("$ oc rebuild cluster-config-api cluster-config-operator machine-config-operator=@master \\\r\n    --from-release " + e.p.Payload +
		" \\\r\n    --to-image " + release + " --engine tekton\r\n")
	shown.Write(output)
	if err := os.WriteFile(to,
		[]byte(shown.SVG("Three components of a payload are rebuilt on a cluster, in a terminal")), 0o644); err != nil {
		t.Fatal(err)
	}
}

package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
)

// enums are the values of flags that take one of a few.
func enums() map[string][]string {
	return map[string][]string{
		"base-policy": {"auto", "ci"}, "recipe": {"ci", "build-data"}, "compression": {"gzip", "zstd"},
		"network":   {"host", "none"},
		"isolation": {"auto", "oci", "chroot"}, "progress": {"auto", "plain", "tty", "json"},
		"color": {"auto", "always", "never"}, "print-mirror-instructions": {"idms", "icsp", "none"},
		"layout": {"v2", "oci"},
		"method": {"delta", "full"}, "reference-mode": {"public", "source"},
		"verify-signature": {"off", "warn", "require"},
		"platform":         {"linux/amd64", "linux/arm64", "linux/ppc64le", "linux/s390x"},
		"storage-driver":   {"overlay", "vfs"},
		"command-os":       {"linux", "mac", "windows", "*"},
	}
}

// outputs are the forms of --output, by command.
func outputs(command string) []string {
	switch command {
	case "info":
		return []string{"json", "yaml", "name", "digest", "pullspec", "jsonpath=", "go-template="}
	case "plan":
		return []string{"json", "yaml", "jsonpath=", "go-template=", "svg", "dot", "mermaid"}
	case "oc-rebuild", "apply", "assemble", "component", "new":
		return []string{"json", "yaml", "name", "jsonpath=", "go-template="}
	case "extract":
		return []string{"commit"}
	}
	return []string{"json", "yaml", "jsonpath=", "go-template="}
}

// complete tells the shell what can follow what was typed. Nothing is asked of a server: payloads and their components
// are those that were used before.
func complete(command *cobra.Command) {
	for _, child := range command.Commands() {
		complete(child)
	}
	set := func(flag string, function cobra.CompletionFunc) {
		if command.Flags().Lookup(flag) != nil {
			_ = command.RegisterFlagCompletionFunc(flag, function) // fails for a flag that there is not
		}
	}
	for flag, values := range enums() {
		set(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	set("output", cobra.FixedCompletions(outputs(command.Name()),
		cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace))
	set("context", completeContexts)
	for _, flag := range []string{"from-release", "from", "changes-from"} {
		set(flag, completePayloads)
	}
	for _, flag := range []string{"image-for", "rpmdb-image"} {
		set(flag, completeComponents)
	}
	switch command.Name() {
	case "oc-rebuild", "plan", "deploy":
		command.ValidArgsFunction = completeTargets
	case "restore":
		command.ValidArgsFunction = completeComponents
	case "info", "extract", "mirror":
		command.ValidArgsFunction = completePayloads
	}
}

// known lists the payloads that were used before.
func known(command *cobra.Command) []cache.Payload {
	named, _ := command.Flags().GetString("cache-dir")
	directory, err := cacheDirectory(named)
	if err != nil {
		return nil
	}
	return cache.Payloads(directory)
}

func completePayloads(command *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var references []string
	for _, payload := range known(command) {
		references = append(references, payload.Reference)
	}
	return references, cobra.ShellCompDirectiveDefault
}

// completeComponents lists the components of the payload that is named, or of the one that was used last.
func completeComponents(command *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	wanted, _ := command.Flags().GetString("from-release")
	for _, payload := range known(command) {
		if wanted == "" || payload.Reference == wanted || slices.Contains(args, payload.Reference) {
			return payload.Components, cobra.ShellCompDirectiveNoFileComp
		}
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// completeTargets lists components and, behind COMPONENT=, directories.
func completeTargets(command *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	component, source, ok := strings.Cut(typed, "=")
	if !ok {
		return completeComponents(command, args, typed)
	}
	const spaceless = cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	if source == "" {
		return []string{component + "=./"}, spaceless
	}
	directory, prefix := filepath.Split(source)
	place, err := gitsrc.Parse(directory)
	if err != nil || place.Kind != gitsrc.Local {
		return nil, spaceless // a branch, a fork
	}
	var found []string
	entries, _ := os.ReadDir(place.Path) // what cannot be read has none
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasPrefix(name, prefix) || prefix == "" && strings.HasPrefix(name, ".") {
			continue
		}
		if info, err := os.Stat(filepath.Join(place.Path, name)); err == nil && info.IsDir() {
			found = append(found, component+"="+directory+name+string(filepath.Separator))
		}
	}
	return found, spaceless
}

func completeContexts(command *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath, _ = command.Flags().GetString("kubeconfig")
	config, err := rules.Load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for name := range config.Contexts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, cobra.ShellCompDirectiveNoFileComp
}

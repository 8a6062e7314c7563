package cli

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
	"github.com/oc-rebuild/oc-rebuild/rebuild/tekton"
)

// The values of --engine.
const (
	engineLocal  = "local"
	engineTekton = "tekton"
)

// engineOptions say where a plan is carried out, and how on a cluster.
type engineOptions struct {
	engine         string
	image          string
	serviceAccount string
	workspace      string
	resources      []string
	nodeSelector   []string
	podTemplate    string
	timeLimit      time.Duration
	noWait         bool

	flags *pflag.FlagSet // tells what has a value because the user said so
}

const defaultTimeLimit = 2 * time.Hour

func (o *engineOptions) apply(flags *pflag.FlagSet) {
	defer grouped(flags, groupEngine)()
	o.flags = flags
	flags.StringVar(&o.engine, "engine", engineLocal,
		"where to build: local (this machine), tekton (the cluster in the kubeconfig)")
	flags.StringVar(&o.image, "engine-image", "", "pull spec of an image with this program, for pods to run")
	flags.StringVar(&o.serviceAccount, "service-account", "",
		"service account of the pods, whose secrets give access to registries (default: Tekton's)")
	flags.StringVar(&o.workspace, "workspace", "",
		"`BINDING` of a persistent volume claim that keeps caches for later runs: name=cache,claimName=CLAIM[,subPath=DIR]")
	flags.StringArrayVar(&o.resources, "resources", nil,
		"`COMPONENT=cpu=4,memory=8Gi`: what its pod requests")
	flags.StringArrayVar(&o.nodeSelector, "node-selector", nil, "`LABEL=VALUE` of nodes that pods may run on")
	flags.StringVar(&o.podTemplate, "pod-template", "",
		"`FILE` with a Tekton pod template, for tolerations and the like")
	flags.DurationVar(&o.timeLimit, "time-limit", defaultTimeLimit,
		"how long a component's pod may take, including the wait for a node")
	flags.BoolVar(&o.noWait, "no-wait", false, "create the run, print its name and exit")
}

func (o *engineOptions) isCluster() bool { return o.engine == engineTekton }

// checkEngine refuses what makes no sense where a plan is carried out.
func (o *publishOptions) checkEngine() error {
	e := &o.engine
	if err := oneOf("engine", e.engine, engineLocal, engineTekton); err != nil {
		return err
	}
	if !e.isCluster() {
		for _, given := range []struct {
			flag string
			is   bool
		}{
			{"--engine-image", e.flags.Changed("engine-image")}, {"--service-account", e.serviceAccount != ""},
			{"--workspace", e.workspace != ""},
			{"--resources", len(e.resources) > 0}, {"--node-selector", len(e.nodeSelector) > 0},
			{"--pod-template", e.podTemplate != ""},
			{"--time-limit", e.timeLimit != defaultTimeLimit}, {"--no-wait", e.noWait},
			{"--namespace", o.kube.namespace != ""},
		} {
			if given.is {
				return fault.Errorf(fault.Usage, "%s goes with --engine tekton", given.flag)
			}
		}
		return nil
	}
	for _, given := range []struct {
		flag string
		is   bool
	}{
		// what a file of defaults says of this machine is no concern of a cluster's
		{"--secret", e.flags.Changed("secret")}, {"--storage-root", e.flags.Changed("storage-root")},
		{"--storage-driver", e.flags.Changed("storage-driver")},
		{"--signature-policy", e.flags.Changed("signature-policy")},
	} {
		if given.is {
			return fault.Errorf(fault.Usage,
				"%s names something of this machine, which the pods of --engine tekton do not have", given.flag)
		}
	}
	switch {
	case o.output.isStructured() && o.after.upgrade:
		return fault.Errorf(fault.Usage, "with --engine tekton -o %s prints objects and creates none: leave --upgrade out",
			o.output.format)
	case e.noWait && o.after.upgrade:
		return fault.Errorf(fault.Usage, "--no-wait and --upgrade exclude each other")
	case e.timeLimit < time.Minute:
		return fault.Errorf(fault.Usage, "--time-limit %s: want a minute at least", e.timeLimit)
	case e.image == "":
		return fault.New(fault.Usage,
			"Name an image with this program, such as --engine-image quay.io/me/oc-rebuild; `make packages image` in its source makes one.",
			fmt.Errorf("--engine-image is missing"))
	}
	return nil
}

// options translates the flags for package tekton.
func (o *engineOptions) options() (tekton.Options, error) {
	options := tekton.Options{Image: o.image, ServiceAccount: o.serviceAccount, TimeLimit: o.timeLimit,
		Requests: map[string]map[string]string{}}
	for _, text := range o.resources {
		component, list, _ := strings.Cut(text, "=")
		requests, err := pairs("resources", list, false)
		if err != nil {
			return options, err
		}
		for name, quantity := range requests {
			if _, err := resource.ParseQuantity(quantity); err != nil {
				return options, fault.Errorf(fault.Usage, "--resources %q: %s %q: %w", text, name, quantity, err)
			}
		}
		if options.Requests[component] == nil {
			options.Requests[component] = map[string]string{}
		}
		maps.Copy(options.Requests[component], requests)
	}
	if o.workspace != "" {
		fields, err := pairs("workspace", o.workspace, false)
		if err != nil {
			return options, err
		}
		if fields["name"] != "cache" || fields["claimName"] == "" {
			return options, fault.Errorf(fault.Usage,
				"--workspace %q: want name=cache,claimName=CLAIM[,subPath=DIR]", o.workspace)
		}
		options.Cache = &tekton.Claim{Name: fields["claimName"], SubPath: fields["subPath"]}
	}
	var err error
	options.Pod, err = o.pod()
	return options, err
}

// pod returns the pod template; nil where pods need nothing more.
func (o *engineOptions) pod() (map[string]any, error) {
	var pod map[string]any
	if o.podTemplate != "" {
		data, err := regular.Read(o.podTemplate, maxInput)
		if err != nil {
			return nil, fault.Errorf(fault.Usage, "--pod-template: %w", err)
		}
		if err := yaml.Unmarshal(data, &pod); err != nil {
			return nil, fault.Errorf(fault.Usage, "--pod-template %q: %w", o.podTemplate, err)
		}
	}
	if len(o.nodeSelector) == 0 {
		return pod, nil
	}
	if pod == nil {
		pod = map[string]any{}
	}
	labels := map[string]any{}
	if given, ok := pod["nodeSelector"].(map[string]any); ok {
		maps.Copy(labels, given)
	}
	// node-role.kubernetes.io/infra= has no value
	given, err := pairs("node-selector", strings.Join(o.nodeSelector, ","), true)
	for name, value := range given {
		labels[name] = value
	}
	pod["nodeSelector"] = labels
	return pod, err
}

// pairs reads NAME=VALUE,NAME=VALUE. empty says whether a value may be.
func pairs(flag, list string, empty bool) (map[string]string, error) {
	found := map[string]string{}
	for pair := range strings.SplitSeq(list, ",") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" || value == "" && !empty {
			return nil, fault.Errorf(fault.Usage, "--%s: %q is not NAME=VALUE", flag, pair)
		}
		found[name] = value
	}
	return found, nil
}

package machine

import (
	"errors"
	"os"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
)

// Kernel checks the switches that keep users from namespaces, and tries to make one. needed says whether a build
// depends on it.
func Kernel(needed bool, try func() error) []Finding {
	err := try()
	if err == nil {
		return []Finding{{Check: "user namespaces", State: OK, Message: "can be made"}}
	}
	finding := Finding{Check: "user namespaces", State: Note, Message: err.Error(), Advice: namespaceAdvice(err)}
	if needed {
		finding.State = Problem
	}
	return []Finding{finding}
}

// namespaceAdvice names the switch that stands in the way.
func namespaceAdvice(err error) string {
	for _, blocked := range []struct{ path, value, advice string }{
		{"/proc/sys/user/max_user_namespaces", "0", "As root: sysctl user.max_user_namespaces=28633."},
		{"/proc/sys/kernel/unprivileged_userns_clone", "0", "As root: sysctl kernel.unprivileged_userns_clone=1."},
		{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
			"As root: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or give this program an AppArmor profile that allows userns."},
	} {
		data, err := os.ReadFile(blocked.path)
		if err == nil && strings.TrimSpace(string(data)) == blocked.value {
			return blocked.advice
		}
	}
	if errors.Is(err, builder.ErrFiltered) {
		return fault.AdviceOf(err)
	}
	return "In a container, its seccomp or AppArmor profile may forbid them: run it with --security-opt seccomp=unconfined, or build as root."
}

package builder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.podman.io/buildah/define"
	"go.podman.io/buildah/pkg/parse"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage"
	storagetypes "go.podman.io/storage/types"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/flock"
)

// Options choose where images are kept and how RUN steps are isolated.
type Options struct {
	StorageRoot   string               // a storage of its own under this directory; "" = the user's containers storage
	StorageDriver string               // overlay, vfs …; "" = what the storage configuration says, else what works
	Isolation     string               // oci, chroot; "" or "auto" = what works here
	Network       string               // host (as CI) or none; "" = host
	Temp          string               // directory for Dockerfiles and other scratch files; must exist
	SystemContext *types.SystemContext // registry access for pulls

	// Source returns the image that a pull spec names, to copy it from its registry; an error where name is no pull
	// spec. Builders that pull nothing need none.
	Source func(name string) (types.ImageReference, error)
}

// Builder builds images. It is safe for concurrent use; builds share the storage and each base is pulled once.
type Builder struct {
	options   Options
	store     ownedStore
	alive     *flock.Lock // of this run in the storage
	isolation Isolation
}

// Validate refuses values that no builder knows. Whether this machine can do what they ask for, Open finds out. The
// error has the class fault.Usage.
func (o Options) Validate() error {
	for _, setting := range []struct {
		name, value string
		known       []string
	}{
		{"isolation", o.Isolation, []string{"auto", "oci", "chroot"}},
		{"network", o.Network, []string{"host", "none"}},
		{"storage driver", o.StorageDriver, []string{"overlay", "vfs", "zfs"}},
	} {
		if setting.value != "" && !slices.Contains(setting.known, setting.value) {
			return fault.Errorf(fault.Usage, "%s %q is not one of %s", setting.name, setting.value,
				strings.Join(setting.known, ", "))
		}
	}
	return nil
}

// CheckSecrets refuses secrets that are not written as Build.Secrets are, or whose file does not exist. The error has
// the class fault.Usage.
func CheckSecrets(secrets []string) error {
	for _, secret := range secrets {
		if _, err := parse.Secrets([]string{secret}); err != nil {
			return fault.New(fault.Usage, "Write --secret id=ID,src=FILE.", fmt.Errorf("--secret %q: %w", secret, err))
		}
	}
	return nil
}

// Open opens the storage and settles the isolation. Close it when done.
func Open(ctx context.Context, options Options) (*Builder, error) {
	storeOptions, err := storeOptions(options)
	if err != nil {
		return nil, err
	}
	isolation, err := chooseIsolation(ctx, options.Isolation, options.Temp)
	if err != nil {
		return nil, err
	}
	if options.Network == "none" && isolation.Kind == define.IsolationChroot {
		return nil, fault.New(fault.Usage,
			"`oc rebuild doctor` says which OCI runtime would do; or leave --network none out.",
			errors.New("chroot isolation cannot keep RUN steps from the network"))
	}
	// Last: an opened storage has a mount of its own, which only Close takes away.
	b, err := openStorage(options, storeOptions)
	if err != nil {
		return nil, err
	}
	b.isolation = isolation
	return b, nil
}

// openStorage opens the storage alone: nothing can be built.
func openStorage(options Options, storeOptions storagetypes.StoreOptions) (*Builder, error) {
	store, err := storage.GetStore(storeOptions)
	if err != nil {
		return nil, fmt.Errorf("opening containers storage in %q: %w", storeOptions.GraphRoot, err)
	}
	owned, alive, err := own(store)
	if err != nil {
		return nil, errors.Join(err, shutdown(store))
	}
	return &Builder{options: options, store: owned, alive: alive}, nil
}

// Close releases the storage. Images stay.
func (b *Builder) Close() error { return errors.Join(b.disown(), shutdown(b.store)) }

func shutdown(store storage.Store) error {
	_, err := store.Shutdown(false)
	// another process may be building in the same storage
	if err != nil && !errors.Is(err, storage.ErrLayerUsedByContainer) {
		return fmt.Errorf("closing containers storage: %w", err)
	}
	return nil
}

// Isolation returns how RUN steps are isolated, and why.
func (b *Builder) Isolation() Isolation { return b.isolation }

// Driver returns the storage driver in use and the storage's root directory.
func (b *Builder) Driver() (driver, root string) {
	return b.store.GraphDriverName(), b.store.GraphRoot()
}

// storeOptions starts from the user's storage.conf (or the defaults where there is none) and applies what was asked
// for.
func storeOptions(options Options) (storagetypes.StoreOptions, error) {
	o, err := storage.DefaultStoreOptions()
	if err != nil {
		return o, fmt.Errorf("reading the storage configuration: %w", err)
	}
	if options.StorageDriver != "" {
		o.GraphDriverName = options.StorageDriver
		o.GraphDriverOptions = nil // options of another driver are refused
	}
	if one, err := OneIdentity(); err != nil {
		return o, err
	} else if one { // files of other owners can only be kept as ours; what a build adds is root's, which we are
		o.GraphDriverOptions = append(o.GraphDriverOptions, "ignore_chown_errors=true")
	}
	if options.StorageRoot != "" {
		root, err := filepath.Abs(options.StorageRoot)
		if err != nil {
			return o, fmt.Errorf("locating the storage root %q: %w", options.StorageRoot, err)
		}
		if err := os.MkdirAll(root, 0o700); err != nil {
			return o, fmt.Errorf("creating the storage root: %w", err)
		}
		o.GraphRoot, o.RunRoot, o.ImageStore = filepath.Join(root, "storage"), filepath.Join(root, "run"), ""
	}
	return o, nil
}

// Isolation says how RUN steps are kept apart from the host.
type Isolation struct {
	Kind    define.Isolation `json:"-"`
	Name    string           `json:"name"`              // oci, rootless or chroot
	Runtime string           `json:"runtime,omitempty"` // path of crun or runc
	Reason  string           `json:"reason"`
	// why steps have this machine's processes and devices; "" where they have their own
	Shared string `json:"shared,omitempty"`
}

// Exposed says what RUN steps see of this machine beside its network and the image, and what to do about it; "" where
// they have processes and devices of their own.
func (i Isolation) Exposed() string {
	if i.Shared == "" {
		return ""
	}
	return "Steps see this machine's processes and devices (" + i.Shared +
		"); for source that you do not trust, install crun (`oc rebuild doctor` says more)."
}

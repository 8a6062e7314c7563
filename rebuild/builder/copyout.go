package builder

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"

	"github.com/oc-rebuild/oc-rebuild/internal/copytree"
)

// CopyOut copies a file or a directory of an image in local storage into a directory below target, as cp -r -p does:
// a source that ends in /. means the contents of a directory. Links in the source's path are followed inside the
// image and never out of it.
func (b *Builder) CopyOut(ctx context.Context, image Image, source string, target *os.Root, directory string) error {
	err := b.inside(image.ID, func(root *os.Root) error {
		plain, contents := strings.CutSuffix(source, "/.")
		resolved, err := securejoin.SecureJoin(root.Name(), plain)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root.Name(), resolved)
		if err != nil {
			return err
		}
		as := filepath.Base(filepath.Clean("/" + plain))
		if contents || as == "/" {
			as = "."
		}
		return copytree.Copy(ctx, root, name, target, filepath.Join(directory, as))
	})
	if err != nil {
		return fmt.Errorf("copying %q out of image %s: %w", source, image.ID, err)
	}
	return nil
}

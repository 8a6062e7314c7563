package builder

import "os"

// View calls use with the file system of an image in local storage. Links do not lead out of it.
func (b *Builder) View(image Image, use func(*os.Root) error) error { return b.inside(image.ID, use) }

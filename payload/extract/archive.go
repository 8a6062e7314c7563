package extract

import (
	"archive/tar"
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/pgzip"

	"github.com/oc-rebuild/oc-rebuild/internal/imagefile"
)

// Archives are compressed in blocks, some at a time. Their bytes depend on the size alone.
const (
	blockSize = 256 << 10 // bytes
	blocks    = 8
)

// readme is README.md of an archive.
const readme = `# %[1]s

This archive has %[2]s for %[3]s/%[4]s. It comes from the image of %[5]s in an OpenShift release, with the release written into it:
its version, and for an installer the release that it installs.

## Installing

Move the files of this archive into a directory of your PATH, such as /usr/local/bin. "%[2]s --help" says what there is, and
https://docs.openshift.com describes it for each version.

## License

Apache License 2.0. The source is at %[6]s.
`

// copyTo copies a file to a place of its own.
func copyTo(to, from string) error {
	file, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(copyFile(file, from), file.Close())
}

func copyFile(w io.Writer, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, file)
	return errors.Join(err, file.Close())
}

// pack writes the archive of a command: README.md, the binary, and links for its other names. All have the binary's
// time, so that the same release gives the same archive.
func pack(w io.Writer, target Target, binary imagefile.File) error {
	text := fmt.Sprintf(readme, target.Command, target.file(), target.OS, target.Arch,
		target.Component, target.source())
	if strings.HasSuffix(target.Archive, ".zip") {
		return packZip(w, target, binary, strings.ReplaceAll(text, "\n", "\r\n"))
	}
	compressed, err := pgzip.NewWriterLevel(w, 3)
	if err != nil {
		return err
	}
	if err := compressed.SetConcurrency(blockSize, blocks); err != nil {
		return err
	}
	info, err := os.Stat(binary.Path)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(compressed)
	add := func(header tar.Header, content func(io.Writer) error) error {
		header.ModTime = binary.ModTime
		if err := archive.WriteHeader(&header); err != nil || content == nil {
			return err
		}
		return content(archive)
	}
	err = add(tar.Header{Name: "README.md", Mode: 0o644, Typeflag: tar.TypeReg, Size: int64(len(text))},
		func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		})
	if err == nil {
		err = add(tar.Header{Name: target.file(), Mode: 0o755, Typeflag: tar.TypeReg, Size: info.Size()},
			func(w io.Writer) error { return copyFile(w, binary.Path) })
	}
	for _, link := range target.links {
		if err == nil {
			err = add(tar.Header{Name: link, Linkname: target.file(), Mode: 0o755, Typeflag: tar.TypeLink}, nil)
		}
	}
	if err != nil {
		return err
	}
	return errors.Join(archive.Close(), compressed.Close())
}

func packZip(w io.Writer, target Target, binary imagefile.File, text string) error {
	archive := zip.NewWriter(w)
	readme := &zip.FileHeader{Name: "README.md", Method: zip.Deflate, Modified: binary.ModTime}
	readme.SetMode(0o644)
	file, err := archive.CreateHeader(readme)
	if err == nil {
		_, err = io.WriteString(file, text)
	}
	if err != nil {
		return err
	}
	command := &zip.FileHeader{Name: target.file(), Method: zip.Deflate, Modified: binary.ModTime}
	command.SetMode(0o755)
	if file, err = archive.CreateHeader(command); err != nil {
		return err
	}
	return errors.Join(copyFile(file, binary.Path), archive.Close())
}

package extract

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// readme is README.md of an archive.
const readme = `# %s

This archive contains %s for %s/%s, taken from the image of %s in an OpenShift release.

Put the binary into a directory of your PATH. With --help it says what it can do.
`

// copy gives a target a file of its own, since two targets may be the same file of an image.
func (f *finder) copy(from found) (found, error) {
	f.count++
	to := found{path: filepath.Join(f.directory, fmt.Sprintf("copy%d", f.count)), modTime: from.modTime}
	file, err := os.OpenFile(to.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return found{}, err
	}
	return to, errors.Join(copyFile(file, from.path), file.Close())
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
func pack(w io.Writer, target Target, binary found) error {
	text := fmt.Sprintf(readme, target.Command, target.file(), target.OS, target.Arch, target.Component)
	if strings.HasSuffix(target.Archive, ".zip") {
		return packZip(w, target, binary, strings.ReplaceAll(text, "\n", "\r\n"))
	}
	compressed, err := gzip.NewWriterLevel(w, 3)
	if err != nil {
		return err
	}
	info, err := os.Stat(binary.path)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(compressed)
	add := func(header tar.Header, content func(io.Writer) error) error {
		header.ModTime = binary.modTime
		if err := archive.WriteHeader(&header); err != nil || content == nil {
			return err
		}
		return content(archive)
	}
	err = add(tar.Header{Name: "README.md", Mode: 0o644, Typeflag: tar.TypeReg, Size: int64(len(text))}, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
	if err == nil {
		err = add(tar.Header{Name: target.file(), Mode: 0o755, Typeflag: tar.TypeReg, Size: info.Size()},
			func(w io.Writer) error { return copyFile(w, binary.path) })
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

func packZip(w io.Writer, target Target, binary found, text string) error {
	archive := zip.NewWriter(w)
	readme := &zip.FileHeader{Name: "README.md", Method: zip.Deflate, Modified: binary.modTime}
	readme.SetMode(0o644)
	file, err := archive.CreateHeader(readme)
	if err == nil {
		_, err = io.WriteString(file, text)
	}
	if err != nil {
		return err
	}
	command := &zip.FileHeader{Name: target.file(), Method: zip.Deflate, Modified: binary.modTime}
	command.SetMode(0o755)
	if file, err = archive.CreateHeader(command); err != nil {
		return err
	}
	return errors.Join(copyFile(file, binary.path), archive.Close())
}

package extract

import (
	"bytes"
	"crypto/sha256"
	"debug/macho"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// Numbers of Mach-O files and of code signatures, from Apple's public headers.
const (
	commandSegment64     = 0x19
	commandCodeSignature = 0x1d

	magicSuperBlob     = 0xfade0cc0
	magicCodeDirectory = 0xfade0c02
	directoryVersion   = 0x20400 // with the executable segment
	flagsOfLinker      = 0x20002 // ad hoc, by a linker
	hashSHA256         = 2
	pageBits           = 12
	segmentMain        = 1 // the main binary of a process

	sizeSuperBlob     = 12 + 8 // with one index entry
	sizeCodeDirectory = 88
)

// linkerIdentifier is the name in a signature that Go's linker makes. It means nothing in one that is ad hoc; with it a
// signature is as long as the linker's was.
const linkerIdentifier = "a.out"

// image64 is where things are in a 64-bit Mach-O file.
type image64 struct {
	text             macho.SegmentHeader
	linkedit         int64 // offset of the command for __LINKEDIT
	linkeditHeader   macho.SegmentHeader
	signature        int64 // offset of the command for the signature; 0 = there is none
	dataOff, dataLen uint32
}

// signMachO signs a Mach-O file ad hoc, which macOS on arm64 wants of every binary, after its content was changed. A
// file that is not a 64-bit Mach-O, or that is not signed, stays as it is.
func signMachO(file *os.File, identifier string) error {
	layout, err := readImage64(file)
	if err != nil || layout.signature == 0 {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < int64(layout.dataOff) {
		return errors.New("signing: the signature lies behind the end of the file")
	}
	pages := (int64(layout.dataOff) + 1<<pageBits - 1) >> pageBits
	size := sizeSuperBlob + sizeCodeDirectory + int64(len(identifier)) + 1 + pages*sha256.Size
	if size > int64(layout.dataLen) {
		if err := layout.grow(file, uint32((size+15)&^15), info.Size()); err != nil {
			return err
		}
	}
	signature, err := layout.sign(file, identifier, pages)
	if err != nil {
		return err
	}
	signature = append(signature, make([]byte, int64(layout.dataLen)-int64(len(signature)))...)
	if _, err := file.WriteAt(signature, int64(layout.dataOff)); err != nil {
		return fmt.Errorf("writing the code signature: %w", err)
	}
	return nil
}

func readImage64(file io.ReaderAt) (image64, error) {
	parsed, err := macho.NewFile(file)
	if err != nil || parsed.Magic != macho.Magic64 {
		return image64{}, nil //nolint:nilerr // not a Mach-O file of this kind: there is nothing to sign
	}
	var layout image64
	at := int64(32) // after the header
	for _, load := range parsed.Loads {
		raw := load.Raw()
		switch command := parsed.ByteOrder.Uint32(raw); command {
		case commandSegment64:
			if segment, ok := load.(*macho.Segment); ok && segment.Name == "__TEXT" {
				layout.text = segment.SegmentHeader
			} else if ok && segment.Name == "__LINKEDIT" {
				layout.linkedit, layout.linkeditHeader = at, segment.SegmentHeader
			}
		case commandCodeSignature:
			if len(raw) < 16 {
				return image64{}, errors.New("reading the load commands: the one for the signature is too short")
			}
			layout.signature = at
			layout.dataOff, layout.dataLen = parsed.ByteOrder.Uint32(raw[8:]), parsed.ByteOrder.Uint32(raw[12:])
		}
		at += int64(len(raw))
	}
	return layout, nil
}

// grow makes room for a longer signature at the end of the file.
func (l *image64) grow(file *os.File, size uint32, fileSize int64) error {
	if l.linkedit == 0 || int64(l.dataOff)+int64(l.dataLen) != fileSize {
		return errors.New("signing: the signature cannot grow, since it is not at the end of the file")
	}
	extra := uint64(size - l.dataLen)
	length := make([]byte, 4)
	binary.LittleEndian.PutUint32(length, size)
	sizes := make([]byte, 24) // vmsize, fileoff, filesize
	const vmPage = 1 << 14
	binary.LittleEndian.PutUint64(sizes, (l.linkeditHeader.Filesz+extra+vmPage-1)&^(vmPage-1))
	binary.LittleEndian.PutUint64(sizes[8:], l.linkeditHeader.Offset)
	binary.LittleEndian.PutUint64(sizes[16:], l.linkeditHeader.Filesz+extra)
	_, err := file.WriteAt(length, l.signature+12)
	if err == nil {
		_, err = file.WriteAt(sizes, l.linkedit+32)
	}
	if err == nil {
		err = file.Truncate(int64(l.dataOff) + int64(size))
	}
	if err != nil {
		return fmt.Errorf("making room for the code signature: %w", err)
	}
	l.dataLen = size
	return nil
}

// sign makes the signature: one code directory with the hash of each page before the signature.
func (l *image64) sign(file io.ReaderAt, identifier string, pages int64) ([]byte, error) {
	hashes := sizeCodeDirectory + len(identifier) + 1
	length := hashes + int(pages)*sha256.Size
	var b bytes.Buffer
	put := func(values ...uint32) {
		for _, value := range values {
			b.Write(binary.BigEndian.AppendUint32(nil, value))
		}
	}
	put(magicSuperBlob, uint32(sizeSuperBlob+length), 1, 0, sizeSuperBlob)
	put(magicCodeDirectory, uint32(length), directoryVersion, flagsOfLinker, uint32(hashes), sizeCodeDirectory, 0,
		uint32(pages), l.dataOff)
	b.Write([]byte{sha256.Size, hashSHA256, 0, pageBits})
	put(0, 0, 0, 0)
	for _, value := range []uint64{0, l.text.Offset, l.text.Filesz, segmentMain} {
		b.Write(binary.BigEndian.AppendUint64(nil, value))
	}
	b.WriteString(identifier + "\x00")
	page := make([]byte, 1<<pageBits)
	for at := int64(0); at < int64(l.dataOff); at += int64(len(page)) {
		part := page[:min(int64(len(page)), int64(l.dataOff)-at)]
		if _, err := file.ReadAt(part, at); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("reading the binary to sign it: %w", err)
		}
		sum := sha256.Sum256(part)
		b.Write(sum[:])
	}
	return b.Bytes(), nil
}

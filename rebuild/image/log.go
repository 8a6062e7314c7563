package image

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"go.podman.io/storage/pkg/regexp"

	"github.com/oc-rebuild/oc-rebuild/internal/plain"
)

// tailLines is how much of a failed build's output an error shows.
const tailLines = 20

// buildLog keeps the output of one build in a file, passes it on line by line, and remembers the end of it.
type buildLog struct {
	Path string

	mu   sync.Mutex
	file *os.File
	line func(string) // hears every whole line; nil = nobody
	part bytes.Buffer // the line that is not whole yet
	tail []string

	instruction string // that was begun last
}

// newBuildLog creates the log file of a component in a directory.
func newBuildLog(directory, component string, line func(string)) (*buildLog, error) {
	name := fmt.Sprintf("%s-%s.log", component, time.Now().UTC().Format("20060102-150405.000"))
	file, err := os.OpenFile(filepath.Join(directory, filepath.Base(name)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("creating the build log: %w", err)
	}
	return &buildLog{Path: file.Name(), file: file, line: line}, nil
}

// Write takes output of the build. Control characters do not reach the file: people read it with cat.
func (l *buildLog) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.part.Write(data)
	for {
		whole, rest, found := bytes.Cut(l.part.Bytes(), []byte("\n"))
		if !found && l.part.Len() < 1<<16 {
			return len(data), nil
		}
		line := plain.Line(strings.TrimRight(string(whole), "\r"))
		l.part.Next(l.part.Len() - len(rest))
		if _, err := io.WriteString(l.file, line+"\n"); err != nil {
			return 0, fmt.Errorf("writing the build log: %w", err)
		}
		if m := step.FindStringSubmatch(line); m != nil {
			l.instruction = m[1]
		}
		l.tail = append(l.tail, line)
		if len(l.tail) > tailLines {
			l.tail = l.tail[1:]
		}
		if l.line != nil {
			l.line(line)
		}
		if !found {
			return len(data), nil
		}
	}
}

// Close ends the log.
func (l *buildLog) Close() error {
	l.mu.Lock()
	unfinished := l.part.Len() > 0
	l.mu.Unlock()
	if unfinished {
		if _, err := l.Write([]byte("\n")); err != nil {
			return err
		}
	}
	return l.file.Close()
}

// step is the line that buildah prints before an instruction, as in "STEP 4/5: RUN make", or, where there are several
// stages, "[1/2] STEP 4/5: RUN make".
var step = regexp.Delayed(`^(?:\[[0-9]+/[0-9]+\] )?STEP [0-9]+/[0-9]+: (.*)`)

// Tail returns the instruction that was carried out last, as far as that is known, and the last lines of its output,
// the one that is not whole yet included. What buildah says of itself is left out.
func (l *buildLog) Tail() (instruction string, lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines = slices.Clone(l.tail)
	if l.part.Len() > 0 {
		lines = append(lines, plain.Line(l.part.String()))
	}
	for i, line := range slices.Backward(lines) {
		if step.MatchString(line) {
			lines = lines[i+1:]
			break
		}
	}
	lines = slices.DeleteFunc(lines,
		func(line string) bool { return strings.HasPrefix(line, "subprocess exited with status ") })
	return l.instruction, lines
}

package cli

import (
	"io"
	"log"

	"github.com/sirupsen/logrus"

	"github.com/oc-rebuild/oc-rebuild/internal/plain"
)

// routeLibraries says where the messages of buildah and the container libraries go. They log through one logger of
// the whole process, which would write "level=info …" lines of no use to the user over the progress display. What
// matters of them comes back as an error; their warnings are shown to those who ask for more.
func routeLibraries(w io.Writer, verbose bool) {
	logger := logrus.StandardLogger()
	logger.SetLevel(logrus.WarnLevel) // helper processes inherit it
	logger.SetFormatter(libraryMessage{})
	logger.SetOutput(io.Discard)
	log.SetFlags(0) // net/http complains there of servers that say something unasked
	log.SetOutput(io.Discard)
	if verbose {
		logger.SetOutput(w)
		log.SetOutput(plain.Writer(w))
	}
}

// libraryMessage writes a message of a library as a line of its own.
type libraryMessage struct{}

// Format implements logrus.Formatter.
func (libraryMessage) Format(entry *logrus.Entry) ([]byte, error) {
	return []byte(entry.Level.String() + ": " + plain.Line(entry.Message) + "\n"), nil
}

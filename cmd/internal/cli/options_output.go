package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"
)

// outputOptions choose the form of the result and how much is said meanwhile.
type outputOptions struct {
	format  string
	quiet   bool
	verbose bool
}

func (o *outputOptions) apply(flags *pflag.FlagSet, formats string) {
	flags.StringVarP(&o.format, "output", "o", "", "form of the result: "+formats)
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "no progress, only the result and errors")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "say more: the output of builds, requests to servers, decisions")
}

// writeStructured writes value as json or yaml.
func writeStructured(w io.Writer, format string, value any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false) // Dockerfiles are full of && and >
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("writing the result as json: %w", err)
	}
	data := text.Bytes()
	if format == "yaml" {
		var err error
		if data, err = yaml.JSONToYAML(data); err != nil {
			return fmt.Errorf("writing the result as yaml: %w", err)
		}
	}
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}

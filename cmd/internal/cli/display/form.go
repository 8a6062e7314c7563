package display

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/template"

	"k8s.io/client-go/util/jsonpath"
	"sigs.k8s.io/yaml"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
)

// Form writes a value as json or yaml, or as a jsonpath or Go template makes it, which may name fields that are
// not there.
func Form(w io.Writer, form, text string, value any) error {
	return Template(w, form, text, value, true)
}

// Template is Form for templates that may not, unless missing is set.
func Template(w io.Writer, form, text string, value any, missing bool) error {
	if form == "json" || form == "yaml" {
		return Structured(w, form, value)
	}
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("writing the result as json: %w", err)
	}
	var generic any // templates use the names of the json
	if err := json.Unmarshal(data, &generic); err != nil {
		return fmt.Errorf("writing the result as json: %w", err)
	}
	var out strings.Builder
	execute, err := parse(form, text, missing)
	if err == nil {
		err = execute(&out, generic)
	}
	if err != nil {
		return fault.New(fault.Usage, "", fmt.Errorf("--output %s: %w", form, err))
	}
	if _, err := io.WriteString(w, plain.Text(out.String())); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}

// Check refuses a template that cannot be read.
func Check(form, text string) error {
	if _, err := parse(form, text, true); err != nil {
		return fault.New(fault.Usage, "", fmt.Errorf("--output %s: %w", form, err))
	}
	return nil
}

// parse reads a template, and returns what writes a value with it.
func parse(form, text string, missing bool) (func(io.Writer, any) error, error) {
	switch form {
	case "jsonpath":
		path := jsonpath.New("output").AllowMissingKeys(missing)
		return path.Execute, path.Parse(text)
	case "go-template":
		option := map[bool]string{true: "missingkey=zero", false: "missingkey=error"}[missing]
		parsed, err := template.New("output").Option(option).Parse(text)
		if err != nil {
			return nil, err
		}
		return parsed.Execute, nil
	}
	return nil, fmt.Errorf("%q does not fit here", form)
}

// Structured writes value as json or yaml.
func Structured(w io.Writer, format string, value any) error {
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

// Line writes a text that may come from outside as a line.
func Line(w io.Writer, text string) error {
	if _, err := fmt.Fprintln(w, plain.Line(text)); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}

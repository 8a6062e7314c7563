package attributes

import (
	"bytes"

	"go.podman.io/storage/pkg/regexp"
)

// kind is whether a file is text: convert.c of git calls it crlf_action.
type kind int

const (
	unspecified kind = iota
	text
	binary
	auto // by its content
)

// kinds are what the attributes text and crlf say, the older of the two.
var kinds = map[string]kind{"true": text, "false": binary, "auto": auto, "input": text}

// Conversion is what is done to a file. The zero value does nothing.
type Conversion struct {
	text  kind
	eol   string // lf or crlf; "" = as here, LF
	ident bool
}

// conversionOf returns what the values of attributes ask for.
func conversionOf(values map[string]string) Conversion {
	c := Conversion{text: kinds[values["text"]], ident: values["ident"] == "true"}
	if c.text == unspecified {
		c.text = kinds[values["crlf"]]
	}
	if eol := values["eol"]; eol == "lf" || eol == "crlf" {
		c.eol = eol
	}
	return c
}

// toCRLF tells whether lines may end in CR LF in a checkout.
func (c Conversion) toCRLF() bool { return c.eol == "crlf" && c.text != binary }

// Changes tells whether a file may be another in a checkout than it is in its commit.
func (c Conversion) Changes() bool { return c.ident || c.toCRLF() }

// keyword is $Id$, or that with what an earlier checkout has put in; with words in it, it is another program's.
var keyword = regexp.Delayed(`\$Id(:[^\n$]?[^\n$ ]* ?)?\$`)

// ToCheckout returns a blob as a checkout has it. id is the blob's, in hexadecimal digits.
func (c Conversion) ToCheckout(data []byte, id string) []byte {
	if c.ident {
		data = keyword.ReplaceAllLiteral(data, []byte("$Id: "+id+" $"))
	}
	if !c.toCRLF() {
		return data
	}
	if s := statisticsOf(data); s.lf == 0 || c.text == auto && (s.cr > 0 || s.crlf > 0 || s.binary()) {
		return data
	}
	out := make([]byte, 0, len(data)+bytes.Count(data, []byte("\n")))
	for i, b := range data {
		if b == '\n' && (i == 0 || data[i-1] != '\r') {
			out = append(out, '\r')
		}
		out = append(out, b)
	}
	return out
}

// ToCommit returns a file of a checkout as its commit has it.
func (c Conversion) ToCommit(data []byte) []byte {
	if c.text == text || c.text == auto && !statisticsOf(data).binary() || c.text == unspecified && c.eol != "" {
		data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	}
	if c.ident {
		data = keyword.ReplaceAllLiteral(data, []byte("$Id$"))
	}
	return data
}

// statistics are what git counts to tell text from other files: gather_stats in its convert.c.
type statistics struct {
	cr, lf, crlf        int // alone, alone, together
	nul, printable, not int
}

func statisticsOf(data []byte) statistics {
	var s statistics
	for i := 0; i < len(data); i++ {
		switch b := data[i]; {
		case b == '\r' && i+1 < len(data) && data[i+1] == '\n':
			s.crlf++
			i++
		case b == '\r':
			s.cr++
		case b == '\n':
			s.lf++
		case b == 0:
			s.nul++
			s.not++
		case b == 0x7f, b < 0x20 && b != '\b' && b != '\t' && b != 0x1b && b != '\f':
			s.not++
		default:
			s.printable++
		}
	}
	if len(data) > 0 && data[len(data)-1] == 0x1a { // the end of a file, in DOS
		s.not--
	}
	return s
}

func (s statistics) binary() bool { return s.cr > 0 || s.nul > 0 || s.printable>>7 < s.not }

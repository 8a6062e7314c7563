package dockerfile

import (
	"strconv"
	"strings"
)

// Notice is an instruction that a plan should show before a build runs it: one that reaches beyond its base images
// and its context, or of which a build makes something else than it says.
type Notice struct {
	Line int    // 1-based line where the instruction begins
	Text string // what it does, in a few words; parts of the Dockerfile are in it as they are written

	Secret bool // it takes a secret or an agent of the user's, which no digest of the inputs has
}

// notice collects what an instruction reaches for.
func (p *reader) notice(one instruction) {
	add := func(text string) { p.file.Notices = append(p.file.Notices, Notice{Line: one.line, Text: text}) }
	switch one.command {
	case "RUN":
		for _, flag := range flags(one.text) {
			switch {
			case flag.name == "--security" && flag.value != "sandbox",
				flag.name == "--network" && flag.value != "default" && flag.value != "none":
				add("RUN " + flag.name + "=" + flag.value)
			case flag.name == "--mount":
				for _, option := range mountOptions(one.text, flag) {
					if option.name == "type" && (option.value == "secret" || option.value == "ssh") {
						p.file.Notices = append(p.file.Notices,
							Notice{one.line, "RUN --mount=type=" + option.value, true})
					}
				}
			}
		}
	case "COPY":
		p.noticeMode(one)
	case "ADD":
		p.noticeMode(one)
		for _, span := range wordSpans(one.text)[1:] {
			word := strings.Trim(one.text[span[0]:span[1]], `"'[],`)
			if strings.Contains(word, "://") || strings.HasPrefix(word, "git@") {
				add("ADD " + word)
			}
		}
	}
}

// noticeMode tells of a mode with the set-user-ID, set-group-ID or sticky bit: buildah 1.45 puts Go's bits for them
// where a tar header has others, and they are lost.
func (p *reader) noticeMode(one instruction) {
	for _, flag := range flags(one.text) {
		octal, err := strconv.ParseUint(flag.value, 8, 32)
		if flag.name == "--chmod" && (err == nil && octal&^0o777 != 0 ||
			err != nil && strings.ContainsAny(flag.value, "st")) {
			p.file.Notices = append(p.file.Notices, Notice{Line: one.line,
				Text: one.command + " --chmod=" + flag.value +
					" does not set the set-user-ID, set-group-ID and sticky bits here; RUN chmod does"})
		}
	}
}

package dockerfile

import "strings"

// Notice is an instruction that reaches beyond its base images and its context, which a plan should show before a build runs it.
type Notice struct {
	Line int    // 1-based line where the instruction begins
	Text string // what it does, in a few words; parts of the Dockerfile are in it as they are written
}

// notice collects what an instruction reaches for.
func (p *reader) notice(one instruction) {
	add := func(text string) { p.file.Notices = append(p.file.Notices, Notice{one.line, text}) }
	switch one.command {
	case "RUN":
		for _, flag := range flags(one.text) {
			switch {
			case flag.name == "--security" && flag.value != "sandbox", flag.name == "--network" && flag.value != "default" && flag.value != "none":
				add("RUN " + flag.name + "=" + flag.value)
			case flag.name == "--mount":
				for _, option := range mountOptions(one.text, flag) {
					if option.name == "type" && (option.value == "secret" || option.value == "ssh") {
						add("RUN --mount=type=" + option.value)
					}
				}
			}
		}
	case "ADD":
		for _, span := range wordSpans(one.text)[1:] {
			word := strings.Trim(one.text[span[0]:span[1]], `"'[],`)
			if strings.Contains(word, "://") || strings.HasPrefix(word, "git@") {
				add("ADD " + word)
			}
		}
	}
}

package ciconfig

// Detected returns the inputs that CI adds for a Dockerfile, each as "namespace/name:tag <- text".
func Detected(data []byte, from string) map[string]string {
	r := Recipe{From: from, config: &Config{}}
	as, detected := r.substitutions(data)
	found := map[string]string{}
	for text, alias := range as {
		found[alias] = detected[alias].String() + " <- " + text
	}
	return found
}

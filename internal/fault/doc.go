// Package fault classifies failures, so that the one place that ends the program can pick the exit code and say what
// to do next.
//
// Packages return ordinary wrapped errors; where the class of a failure is known, they wrap it with New. The command
// line reads the class with KindOf and the advice with AdviceOf, both of which look through any number of
// fmt.Errorf("…: %w", err) layers.
package fault

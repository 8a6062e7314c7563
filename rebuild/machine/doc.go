// Package machine looks at this machine the way a build does: what it lacks, which defaults stand in, and what to do
// about it. Nothing is changed by looking.
package machine

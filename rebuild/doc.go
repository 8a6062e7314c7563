// Package rebuild is the job itself: a request becomes a plan, the plan's images are made, and a payload is assembled
// that carries them.
package rebuild

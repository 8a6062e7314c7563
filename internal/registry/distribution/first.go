package distribution

import "context"

// First lets the first of several callers go ahead alone. The others wait until one of them has learned what all want
// to know.
type First struct {
	turn    chan struct{}
	learned chan struct{} // closed then
}

// NewFirst returns a First that nobody has passed yet.
func NewFirst() *First { return &First{turn: make(chan struct{}, 1), learned: make(chan struct{})} }

// Begin waits for the caller's turn, or for ctx. The function that it returns ends the turn, and says whether there
// is something learned.
func (f *First) Begin(ctx context.Context) (end func(learned bool), err error) {
	select {
	case <-f.learned:
		return func(bool) {}, nil
	case f.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return func(learned bool) {
		if learned {
			f.learn()
		}
		<-f.turn
	}, nil
}

// learn is called by whoever has the turn.
func (f *First) learn() {
	select {
	case <-f.learned:
	default:
		close(f.learned)
	}
}

package rebuild

import (
	"context"
	"errors"
	"sync"

	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
)

// lazyBuilder opens the containers storage when the first image is built, and pulls each base once. A run in which nothing has to be
// built never touches the storage.
type lazyBuilder struct {
	mu     sync.Mutex
	opened *builder.Builder
	pulls  map[string]func() (builder.Image, error)
}

// open returns the builder. first hears of it when it is opened.
func (l *lazyBuilder) open(ctx context.Context, options builder.Options, first func(*builder.Builder)) (*builder.Builder, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opened == nil {
		opened, err := builder.Open(ctx, options)
		if err != nil {
			return nil, err
		}
		if _, err := opened.DeleteAbandoned(); err != nil {
			return nil, errors.Join(err, opened.Close())
		}
		l.opened, l.pulls = opened, map[string]func() (builder.Image, error){}
		first(opened)
	}
	return l.opened, nil
}

// pull brings a base into local storage; those who ask for the same one wait for the first. starting hears of a pull that begins.
func (l *lazyBuilder) pull(ctx context.Context, pullSpec string, starting func()) (builder.Image, error) {
	l.mu.Lock()
	once, ok := l.pulls[pullSpec]
	if !ok {
		once = sync.OnceValues(func() (builder.Image, error) {
			starting()
			return l.opened.Pull(ctx, pullSpec, nil)
		})
		l.pulls[pullSpec] = once
	}
	l.mu.Unlock()
	return once()
}

// close releases the storage.
func (l *lazyBuilder) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opened == nil {
		return nil
	}
	return l.opened.Close()
}

package image

import (
	"context"
	"errors"
	"sync"

	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// storage opens the containers storage when the first image is built, and brings each image into it once. A run in
// which nothing has to be built never touches it.
type storage struct {
	mu     sync.Mutex
	opened *builder.Builder
	images map[string]func() (builder.Image, error)
}

// open returns the builder.
func (s *shop) open(ctx context.Context) (*builder.Builder, error) {
	s.storage.mu.Lock()
	defer s.storage.mu.Unlock()
	if s.storage.opened != nil {
		return s.storage.opened, nil
	}
	opened, err := builder.Open(ctx, s.Build)
	if err != nil {
		return nil, err
	}
	if _, err := opened.DeleteAbandoned(); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	s.storage.opened, s.storage.images = opened, map[string]func() (builder.Image, error){}
	isolation := opened.Isolation()
	if exposed := isolation.Exposed(); exposed != "" && s.Build.Isolation != isolation.Name { // the user did not ask for it
		s.Report.Report("", progress.Build, progress.Warned, "%s isolation, for %s. %s", isolation.Name, isolation.Reason, exposed)
	}
	return opened, nil
}

// once brings an image into the open storage; those who ask for the same one wait for the first.
func (s *storage) once(name string, bring func() (builder.Image, error)) (builder.Image, error) {
	s.mu.Lock()
	once, ok := s.images[name]
	if !ok {
		once = sync.OnceValues(bring)
		s.images[name] = once
	}
	s.mu.Unlock()
	return once()
}

// close releases the storage.
func (s *storage) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened == nil {
		return nil
	}
	return s.opened.Close()
}

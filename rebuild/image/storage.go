package image

import (
	"context"
	"errors"
	"sync"

	"github.com/oc-rebuild/oc-rebuild/internal/once"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// storage opens the containers storage when the first image is built, and brings each image into it once. A run in
// which nothing has to be built never touches it.
type storage struct {
	mu     sync.Mutex
	opened *builder.Builder
	images once.Map[builder.Image] // that were brought into it, by name
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
	s.storage.opened = opened
	isolation := opened.Isolation()
	if exposed := isolation.Exposed(); exposed != "" {
		s.Report.Report("", progress.Build, progress.Warned, "%s isolation, for %s. %s", isolation.Name,
			isolation.Reason, exposed)
	}
	return opened, nil
}

// close releases the storage. A run that made images without opening it removes all the same what one before it left
// that was killed.
func (s *shop) close() error {
	s.storage.mu.Lock()
	defer s.storage.mu.Unlock()
	switch {
	case s.storage.opened != nil:
		return s.storage.opened.Close()
	case s.made.Load(): // others need not know where the storage is, and to find out makes directories
		return builder.Clear(s.Build)
	}
	return nil
}

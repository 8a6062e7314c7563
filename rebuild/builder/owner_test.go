package builder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"
)

// TestRunsThatComeAndGo begins runs while another looks for killed ones: none takes a run for killed that is not.
func TestRunsThatComeAndGo(t *testing.T) {
	b, err := Open(t.Context(), Options{StorageRoot: t.TempDir(), Isolation: "chroot", Temp: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	looking, stop := context.WithCancel(t.Context())
	var looker, runners errgroup.Group
	looker.Go(func() error {
		for looking.Err() == nil {
			if err := b.forget(); err != nil {
				return err
			}
		}
		return nil
	})
	for range 4 {
		runners.Go(func() error {
			for range 1000 {
				owned, alive, err := own(b.store.Store)
				if err != nil {
					return err
				}
				if err := os.Remove(filepath.Join(b.store.GraphRoot(), runs, owned.run)); err != nil {
					return errors.Join(fmt.Errorf("the directory of a run: %w", err), alive.Release())
				}
				if err := alive.Release(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = runners.Wait()
	stop()
	if err := errors.Join(err, looker.Wait(), b.Close()); err != nil {
		t.Error(err)
	}
}

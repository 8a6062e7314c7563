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

// TestLayersOfKilledRuns deletes a layer that a run was filling when it was killed, and none that is an image's.
func TestLayersOfKilledRuns(t *testing.T) {
	b, err := Open(t.Context(), Options{StorageRoot: t.TempDir(), Isolation: "chroot", Temp: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	ids := map[string]string{}
	for _, name := range []string{layerMark + "run-dead/one", layerMark + "run-dead/two",
		layerMark + b.store.run + "/three", "somebody's"} {
		layer, err := b.store.CreateLayer("", "", []string{name}, "", true, nil)
		if err != nil {
			t.Fatal(err)
		}
		ids[name] = layer.ID
	}
	if _, err := b.record(nil, ids[layerMark+"run-dead/two"], []string{"localhost/image:1"}, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.DeleteAbandoned(); err != nil {
		t.Fatal(err)
	}
	for name, id := range ids {
		if _, err := b.store.Layer(id); (err == nil) != (name != layerMark+"run-dead/one") {
			t.Errorf("layer %q: %v", name, err)
		}
	}
}

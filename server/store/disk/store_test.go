package disk_test

import (
	"context"
	"testing"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/disk"
	"github.com/pubsync/pubsync/server/store/storetest"
)

func open(t *testing.T, dir string) store.Store {
	t.Helper()
	s, err := disk.Open(context.Background(), disk.Options{Dir: dir, PackSize: 1 << 20, Volatile: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) { storetest.Run(t, open) }

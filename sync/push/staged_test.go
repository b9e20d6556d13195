package push

import (
	"bytes"
	"testing"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// A view goes on only behind what it begins with.
func TestBegins(t *testing.T) {
	view := []byte("the plain view")
	src := delta.Source{ReaderAt: bytes.NewReader(view), Size: int64(len(view))}
	staged := func(s string) wire.StagedView {
		return wire.StagedView{Size: int64(len(s)), Sum: manifest.DigestOf([]byte(s))}
	}
	for st, want := range map[wire.StagedView]bool{
		{}: true, staged("t"): true, staged("the plain view"): true,
		staged("T"): false, staged("the plain View"): false, staged("the plain view "): false,
	} {
		if got, err := begins(src, st); got != want || err != nil {
			t.Errorf("%d bytes staged: %v, %v, want %v", st.Size, got, err, want)
		}
	}
}

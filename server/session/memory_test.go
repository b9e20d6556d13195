package session_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// live is what the heap holds that is still in use, in bytes.
func live() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A session costs memory by what is pushed and not by what is published, and its
// commit no more: so an update of 100,000 files stays below 100 MB on the server.
func TestMemoryOfAnUpdate(t *testing.T) {
	const n = 20_000
	s := newServer(t)
	empty := file("f", nil)
	l := make(manifest.List, n)
	for i := range l {
		l[i] = empty
		l[i].Path = manifest.Path(fmt.Sprintf("d%02d/file-%05d.txt", i/1000, i))
	}
	body := [][]byte{wire.AppendList(nil, 0, l), digests(l), wire.AppendFile(nil, wire.File{Index: 0})}
	s.open(l)
	s.mustExchange(body...)
	s.receipt(s.mustExchange(wire.AppendDigests(nil, []wire.Digest{{Index: 0, Digest: empty.Digest}}), digests(l), commit(l)))
	l[n/2].MTime++
	s.open(l)
	lists := [][]byte{wire.AppendList(nil, 0, l[:n/2]), wire.AppendList(nil, n/2, l[n/2:])}
	before := live()
	s.mustExchange(lists[0])
	held := float64(live()-before) / n
	if held > 150 {
		t.Errorf("in the middle of its list a session holds %.0f bytes an entry, want at most 150", held)
	}
	s.mustExchange(lists[1])
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before = int64(m.TotalAlloc)
	s.receipt(s.mustExchange(wire.AppendDigests(nil, []wire.Digest{{Index: n / 2, Digest: empty.Digest}}),
		wire.AppendCommit(nil, wire.Commit{ManifestDigest: l.AnnouncedDigest(only(n, n/2))})))
	runtime.ReadMemStats(&m)
	spent := float64(int64(m.TotalAlloc)-before) / n
	if spent > 350 {
		t.Errorf("the commit of an update allocates %.0f bytes an entry, want at most 350", spent)
	}
	t.Logf("%.0f bytes held and %.0f allocated an entry", held, spent)
}

// only is n times false but for one index.
func only(n, index int) []bool {
	known := make([]bool, n)
	known[index] = true
	return known
}

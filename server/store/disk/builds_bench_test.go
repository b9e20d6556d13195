package disk_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/disk"
	"github.com/pubsync/pubsync/sync/manifest"
)

// BenchmarkBuilds makes 10,000 builds of one line, an alias following each, and
// reports the processor time of a commit among the first and among the last
// thousand, in milliseconds: a build must not cost more for those before it. Run
// it with -benchtime 1x.
func BenchmarkBuilds(b *testing.B) {
	for b.Loop() {
		s, err := disk.Open(b.Context(), disk.Options{Dir: b.TempDir(), Volatile: true})
		if err != nil {
			b.Fatal(err)
		}
		last := cpu()
		for i := range 10_000 {
			build := manifest.Path(fmt.Sprintf("line/%05d", i))
			_, err := s.Commit(b.Context(), store.Commit{
				Target: build, Time: time.Unix(int64(i), 0), Build: build,
				Entries: manifest.List{{Path: "d", Kind: manifest.Dir, Mode: 0o755}},
				Follow:  manifest.List{{Path: "line/latest", Kind: manifest.Symlink, Mode: 0o777, Link: build.Base()}},
			})
			if err != nil {
				b.Fatal(err)
			}
			if i == 999 {
				b.ReportMetric(cpu()-last, "first-cpu-ms")
			}
			if i == 8999 {
				last = cpu()
			}
		}
		b.ReportMetric(cpu()-last, "last-cpu-ms")
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

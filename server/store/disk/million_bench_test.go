package disk_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/disk"
	"github.com/pubsync/pubsync/sync/manifest"
)

// rss returns the resident memory of this process in MB, where the system
// tells it.
func rss() float64 {
	b, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	var kb float64
	fmt.Sscan(rest, &kb)
	return kb / 1024
}

// cpu returns the seconds of processor time this process has used, where the
// system tells it: unlike the clock's, they mean something on a busy machine.
func cpu() float64 {
	b, _ := os.ReadFile("/proc/self/stat")
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	const ticks = 100 // a second; fixed in Linux
	var user, system float64
	fmt.Sscan(fields[11], &user)
	fmt.Sscan(fields[12], &system)
	return (user + system) / ticks
}

// BenchmarkMillion fills a store with a million files in 50 pushes and reports
// how long, in seconds of the clock and of the processor, what a server does
// then takes. Run it with -benchtime 1x; it takes a minute and 700 MB of disk.
func BenchmarkMillion(b *testing.B) {
	ctx, dir := context.Background(), b.TempDir()
	open := func() *disk.Store {
		s, err := disk.Open(ctx, disk.Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	check := func(_ any, err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		s := open()
		var list manifest.List
		for i := range 50 {
			var contents [][]byte
			list, contents = benchTree(i, benchFiles, 64)
			fill(b, s, list, contents)
			start := time.Now()
			check(s.Commit(ctx, store.Commit{Target: manifest.Path(fmt.Sprintf("p/%d", i)), Entries: list, TreeDigest: list.TreeDigest(), Time: time.Unix(1, 0)}))
			if i == 49 {
				b.ReportMetric(time.Since(start).Seconds(), "commit20k-s")
			}
			check(nil, s.Release(ctx, "s"))
		}
		check(nil, s.Close())
		runtime.GC()
		before := rss()
		start := time.Now()
		measure := func(what string, f func()) {
			start = time.Now()
			before := cpu()
			f()
			b.ReportMetric(time.Since(start).Seconds(), what+"-s")
			b.ReportMetric(cpu()-before, what+"-cpu-s")
		}
		measure("open", func() { s = open() })
		b.ReportMetric(rss()-before, "open-MB")
		ds := make([]manifest.Digest, len(list))
		for i := range list {
			ds[i] = list[i].Digest
		}
		measure("have20k", func() { check(s.Have(ctx, "h", ds, func(manifest.Path) bool { return true })) })
		measure("standing", func() { check(s.Standing(ctx, "p/49", list.TreeDigest(), true)) })
		measure("push1", func() {
			one, content := benchTree(99, 1, 64)
			fill(b, s, one, content)
			check(s.Commit(ctx, store.Commit{Target: "p/49", Entries: one, Overwrite: true, Time: time.Unix(2, 0)}))
		})
		measure("list1000", func() { check(s.ReadDir(ctx, "p/25", store.Latest, "", 1000)) })
		measure("walk20k", func() { check(nil, s.Walk(ctx, "p/25", store.Latest, func(manifest.Entry) error { return nil })) })
		measure("gc", func() { check(s.Collect(ctx, store.CollectOptions{})) })
		measure("fsck", func() { check(s.Check(ctx, store.CheckOptions{}, func(f store.Finding) error { return f.Err })) })
		b.ReportMetric(rss()-before, "after-MB")
		check(nil, s.Close())
	}
}

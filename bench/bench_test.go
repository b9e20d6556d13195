package main

import (
	"archive/zip"
	"compress/gzip"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/bench/corpus"
	"github.com/pubsync/pubsync/bench/link"
	"github.com/pubsync/pubsync/bench/peer"
	"github.com/pubsync/pubsync/bench/scale"
)

func TestParseRate(t *testing.T) {
	for name, want := range map[string]link.Rate{
		"loopback":  {},
		"20M100ms":  {BitsPerSecond: 20e6, Delay: 50 * time.Millisecond},
		"0.5M300ms": {BitsPerSecond: 5e5, Delay: 150 * time.Millisecond},
	} {
		if got, err := parseRate(name); err != nil || got != want {
			t.Errorf("%s: %+v %v, want %+v", name, got, err, want)
		}
	}
	for _, bad := range []string{"", "20M", "fast", "20M100ms ", "-1M5ms"} {
		if _, err := parseRate(bad); err == nil {
			t.Errorf("%q is a link", bad)
		}
	}
}

func TestParsePing(t *testing.T) {
	const out = "5 packets transmitted, 5 received\nrtt min/avg/max/mdev = 100.1/101.25/103.0/0.5 ms\n"
	if got, err := parsePing(out); err != nil || got != 101.25 {
		t.Errorf("got %v %v", got, err)
	}
	if _, err := parsePing("no answer"); err == nil {
		t.Error("nonsense was read")
	}
}

func TestParseIperf(t *testing.T) {
	if got, err := parseIperf(`{"end":{"sum_received":{"bits_per_second":19600000}}}`); err != nil || got != 19.6 {
		t.Errorf("got %v %v", got, err)
	}
}

func someSamples() []sample {
	c := sample{Workload: "source", Step: "none", Link: "loopback"}
	var all []sample
	for peer, walls := range map[string][]float64{
		"pubsync": {1, 1.2, 1.1}, "rsync daemon": {4, 4.8, 4.4}, "rsync daemon -z": {8, 9, 10}, "rsync over ssh": {11, 12, 10},
	} {
		for i, w := range walls {
			c.Peer, c.Round, c.Wall, c.Up = peer, i, w, int64(100*w)
			all = append(all, c)
		}
	}
	return all
}

// The mark is a peer's best mode, and the ratio is to its median.
func TestRatioToBestMode(t *testing.T) {
	r := newResults(someSamples())
	c := cell{"source", "none", "loopback"}
	got, mark, ok := r.ratio(c, "rsync daemon", wall)
	if !ok || mark != "rsync daemon" || math.Abs(got.Value-0.25) > 1e-9 {
		t.Errorf("%v to %s %v, want 0.25 to the plain daemon", got, mark, ok)
	}
	if _, _, ok := r.ratio(cell{"source", "first", "loopback"}, "rsync", wall); ok {
		t.Error("a ratio of what was not measured")
	}
}

// Each mark is of a workload and step that there are.
func TestMarksAreMeasured(t *testing.T) {
	there := map[cell]bool{}
	for _, w := range workloads() {
		for _, s := range w.steps {
			there[cell{w.name, s.name, "loopback"}] = true
			if w.far && !s.bulk {
				there[cell{w.name, s.name, "20M100ms"}], there[cell{w.name, s.name, "100M40ms"}] = true, true
			}
		}
	}
	for _, k := range marks() {
		var asked cell
		if n := strings.Split(k.where, ", "); len(n) == 3 {
			asked = cell{n[0], n[1], n[2]}
			if !there[asked] {
				t.Errorf("nothing measures %+v", asked)
			}
		}
	}
}

func TestFamilies(t *testing.T) {
	rows := []deltaRow{
		{Family: "npm", Label: "a", Size: 1000, Up: 100, Down: 100, RsyncUp: 900, RsyncDown: 100, Floor: 100},
		{Family: "npm", Label: "b", Size: 1000, Up: 400, Down: 400, RsyncUp: 900, RsyncDown: 100, Floor: 100},
		{Family: "ci", Label: "c", Size: 9000, Up: 10, Down: 10, RsyncUp: 9000, Floor: 40},
	}
	got := families(rows)
	if len(got) != 3 || got[0].Name != "npm" || got[2].Name != "all releases" || got[2].Pairs != 2 {
		t.Fatalf("%+v", got)
	}
	if math.Abs(got[0].BothF-4) > 1e-9 || math.Abs(got[0].UpF-2) > 1e-9 || got[0].Worst != "b" || got[1].Kept != 1 {
		t.Errorf("%+v, %+v", got[0], got[1])
	}
}

func TestBounds(t *testing.T) {
	for _, c := range []struct {
		family                      string
		up, both, floor, size, peer int64
		want                        string
	}{
		{"ci", 2048, 4096, 0, 0, 0, kept},
		{"ci", 2049, 2049, 0, 0, 0, missed},
		{"ci", 0, 4097, 0, 0, 0, missed},
		{"ci", 7048, 14096, 10_000, 0, 0, kept},
		{"ci", 7049, 14096, 10_000, 0, 0, missed},
		{"plain tar", 0, 100, 0, 0, 400, kept},
		{"plain tar", 0, 101, 0, 0, 400, missed},
		{corpus.Image, 0, 400, 0, 0, 400, kept},
		{corpus.Binary, 0, 401, 0, 0, 400, missed},
		{corpus.Unknown, 0, 100, 0, 1000, 0, kept},
		{corpus.Unknown, 0, 101, 0, 1000, 0, missed},
		{corpus.Noise, 0, 1_009_192, 0, 1_000_000, 0, kept},
		{corpus.Noise, 0, 1_009_193, 0, 1_000_000, 0, missed},
		{"npm", 0, 0, 0, 0, 0, ""},
	} {
		if got := bound(deltaRow{Family: c.family, Up: c.up, Down: c.both - c.up, Floor: c.floor, Size: c.size, RsyncUp: c.peer}); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func TestShownHidesTokenAndFolders(t *testing.T) {
	o, err := parseOptions([]string{"--cache", filepath.Join(t.TempDir(), "cache")})
	if err != nil {
		t.Fatal(err)
	}
	o.pubsync = "/somewhere/pubsync"
	got := shown([]string{o.pubsync, "push", o.cache.Dir + "/x", "--token", "secret", "-e", "ssh -i /w/key"}, "/w", o)
	if want := "pubsync push CACHE/x --token TOKEN -e 'ssh -i WORK/key'"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[float64]string{0: "0 B", 999: "999 B", 1000: "1.00 kB", 12_345_678: "12.3 MB", 5e12: "5000 GB"} {
		if got := size(n); got != want {
			t.Errorf("size(%v) = %q, want %q", n, got, want)
		}
	}
}

func TestBar(t *testing.T) {
	if got := bar(1, 4, 8); got != "[##......]" {
		t.Error(got)
	}
	if got := bar(0, 0, 8); got != "" {
		t.Error(got)
	}
}

func TestQuote(t *testing.T) {
	if got := quote([]string{"a b", "it's"}); got != `'a b' 'it'\''s'` {
		t.Error(got)
	}
}

// A gzip and a zip are inflated, other files taken as they are.
func TestInflate(t *testing.T) {
	dir := t.TempDir()
	plain, gz, zipped := filepath.Join(dir, "a"), filepath.Join(dir, "a.gz"), filepath.Join(dir, "a.zip")
	write := func(name string, f func(*os.File) error) {
		t.Helper()
		w, err := os.Create(name)
		if err == nil {
			err = f(w)
		}
		if err != nil {
			t.Fatal(err)
		}
		w.Close()
	}
	write(plain, func(f *os.File) error { _, err := f.WriteString("hello hello"); return err })
	write(gz, func(f *os.File) error {
		z := gzip.NewWriter(f)
		_, _ = z.Write([]byte("hello hello"))
		return z.Close()
	})
	write(zipped, func(f *os.File) error {
		z := zip.NewWriter(f)
		w, err := z.Create("name")
		if err != nil {
			return err
		}
		_, _ = w.Write([]byte("hello hello"))
		return z.Close()
	})
	for name, want := range map[string]string{plain: "hello hello", gz: "hello hello", zipped: "name\n\x00\x00\x00\x00hello hello"} {
		if err := inflate(name, filepath.Join(dir, "out")); err != nil {
			t.Fatal(err)
		}
		if b, _ := os.ReadFile(filepath.Join(dir, "out")); string(b) != want {
			t.Errorf("%s holds %q, want %q", name, b, want)
		}
	}
}

func TestTreesPeers(t *testing.T) {
	var names []string
	for _, p := range treePeers(true) {
		names = append(names, p.Name())
	}
	if want := []string{"pubsync", "rsync daemon --no-inc-recursive", "rsync daemon", "rsync over ssh --no-inc-recursive", "rsync over ssh"}; !reflect.DeepEqual(names, want) {
		t.Errorf("%q", names)
	}
	if !product((&peer.Pubsync{}).Name()) || product("rsync daemon") {
		t.Error("the product is not told from its peers")
	}
}

func TestMethods(t *testing.T) {
	r := deltaRow{Methods: map[string]peer.Share{"delta": {Files: 1}, "whole": {}}}
	if got := methods(r); !strings.Contains(got, "delta") || strings.Contains(got, "whole") {
		t.Error(got)
	}
}

// What one run saved another finds, and marks are judged by all of it.
func TestMarksOfSavedParts(t *testing.T) {
	o := &options{out: t.TempDir()}
	loop := part{Workload: "source", Link: "loopback", Rounds: 3, Samples: someSamples()}
	far := part{Workload: "tarballs", Link: slow, Samples: []sample{
		{Workload: "tarballs", Step: "update", Link: slow, Peer: "pubsync", Wall: 8, Up: 10, ServerMem: 150e6},
		{Workload: "tarballs", Step: "update", Link: slow, Peer: "rsync over ssh", Wall: 80, Up: 100},
	}}
	for _, p := range []*part{&loop, &far} {
		if err := p.save(o); err != nil {
			t.Fatal(err)
		}
	}
	m, parts, err := loadMeasured(o)
	if err != nil || len(parts) != 2 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	want := map[string]string{
		"source, none, loopback wall rsync over ssh":              "met",
		"tarballs, update, 20M100ms wall rsync over ssh":          "met",
		"tarballs, update, 20M100ms bytes rsync over ssh":         "MISSED, 3.00 times it",
		"all memory of the server, MB tarballs, update, 20M100ms": "MISSED, 1.50 times it",
		"readers HEAD of objects a second ":                       "not measured",
	}
	for _, v := range m.judge() {
		key := v.where + " " + v.what + " " + v.against
		if said, ok := want[key]; ok && v.said() != said {
			t.Errorf("%s: %s, want %s", key, v.said(), said)
		}
		delete(want, key)
	}
	if len(want) > 0 {
		t.Errorf("no verdict on %v", want)
	}
	v := verdict{mark: mark{limit: 10, atLeast: true}, there: true}
	v.got.Value = 9
	if v.met() || v.said() != "MISSED, 0.90 of it" {
		t.Errorf("9 of at least 10 is %s", v.said())
	}
}

// A law is judged by the middle probe of each kind and shape, and by all builds.
func TestSpread(t *testing.T) {
	at := func(kind string, catalog, cost float64) probe {
		return probe{Kind: kind, Files: 10, FileSize: 1, Server: cost, Push: scale.Push{Catalog: catalog}}
	}
	probes := []probe{at("first", 1, 1), at("first", 2, 9), at("first", 3, 2), at("build", 4, 2), at("build", 5, 4), at("none", 6, 0.001)}
	if got := typical(probes, serverCPU); len(got) != 4 || got[0].Push.Catalog != 3 {
		t.Fatalf("%+v", got)
	}
	got := spreadOf(probes, func(probe) float64 { return 2 }, serverCPU)
	if math.Abs(got.median-0.25) > 1e-9 || math.Abs(got.bias) > 1e-9 {
		t.Errorf("%+v, want the middle of 0, 0, a half and 199.9 off", got)
	}
}

func TestReadingsAreKept(t *testing.T) {
	p := &readPart{Samples: []readSample{{Reading: headReading, Round: 1}, {Reading: largeReading}}}
	if got := p.without([]readSample{{Reading: headReading, Round: 2}}); len(got) != 1 || got[0].Reading != largeReading {
		t.Errorf("%+v", got)
	}
}

func TestOverheadIsShared(t *testing.T) {
	got := overheadOf(deltaRow{Family: corpus.Noise, Label: "noise", Size: 1 << 20, Up: 1<<20 + 1500, Down: 300})
	for _, want := range []string{"1800 bytes more", "0.172 %", "take 1408 of them", "0.134 %", "answers 392, 0.037 %"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
}

package main

import (
	"context"
	"strings"

	"github.com/pubsync/pubsync/bench/corpus"
	"github.com/pubsync/pubsync/bench/peer"
)

// workload is a job of the users: a tree that is published, and what becomes of it.
type workload struct {
	name  string
	about string
	trees func(ctx context.Context, o *options) (corpus.Steps, error)
	steps []step
	// peers makes those that are compared; slow says that the link is.
	peers func(slow bool) []peer.Peer
	// far says that the workload is measured over slow links too.
	far bool
	// rare says that it takes so long that it runs only when named.
	rare bool
	// brief are the links over which it is measured in a quick run.
	brief []string
}

// step is one push.
type step struct {
	name string
	tree func(corpus.Steps) string
	// bulk says that so much is sent that the step is measured on loopback only; over
	// a slow link it is done, at full speed, as what the next step starts from.
	bulk bool
	// delete removes what the tree lacks.
	delete bool
	// long leaves the step out of a quick run.
	long bool
	// clients is how many push at once, each to a target of its own; 0 is 1.
	clients int
}

func first(s corpus.Steps) string   { return s.First }
func update(s corpus.Steps) string  { return s.Update }
func touched(s corpus.Steps) string { return s.Touched }
func moved(s corpus.Steps) string   { return s.Moved }

func workloads() []workload {
	return []workload{
		{
			name: "source", far: true, brief: []string{"loopback", slow},
			about: "source tree of 19,900 files, 500 MB: Go modules side by side",
			trees: func(ctx context.Context, o *options) (corpus.Steps, error) { return o.cache.Source(ctx, o.quick) },
			steps: []step{
				{name: "first", tree: first, bulk: true},
				{name: "none", tree: first},
				{name: "update", tree: update},
				{name: "all mtimes new", tree: touched},
				{name: "moved", tree: moved, delete: true, bulk: true, long: true},
			},
			peers: func(slow bool) []peer.Peer {
				all := treePeers(slow)
				if !slow {
					all = append(all, &peer.Casync{})
				}
				return all
			},
		},
		{
			name: "objects", far: true,
			about: "sstate folder of 20,000 objects; the update adds 200",
			trees: func(ctx context.Context, o *options) (corpus.Steps, error) {
				return o.cache.Objects(ctx, pick(o, 20_000, 2_000))
			},
			steps: []step{{name: "first", tree: first, bulk: true}, {name: "none", tree: first}, {name: "update", tree: update}},
			peers: treePeers,
		},
		{
			name: "tarballs", far: true, brief: []string{"loopback", slow},
			about: "release tarballs, each replaced by the next release under the same name",
			trees: func(ctx context.Context, o *options) (corpus.Steps, error) { return o.cache.Tarballs(ctx, o.quick) },
			steps: []step{{name: "first", tree: first, bulk: true}, {name: "update", tree: update}},
			peers: filePeers,
		},
		{
			name: "downloads", far: true,
			about: "OpenEmbedded downloads folder; the update adds one archive in a hundred",
			trees: func(ctx context.Context, o *options) (corpus.Steps, error) {
				return o.cache.Downloads(ctx, pick(o, 2000, 200))
			},
			steps: []step{{name: "first", tree: first, bulk: true}, {name: "none", tree: first}, {name: "update", tree: update}},
			peers: treePeers,
		},
		{
			name: "images", brief: []string{"loopback"},
			about: "a tar and an ext4 image of the source tree; 1 % edited, all times new",
			trees: func(ctx context.Context, o *options) (corpus.Steps, error) { return o.cache.Images(ctx, o.quick) },
			steps: []step{{name: "first", tree: first}, {name: "update", tree: update}},
			peers: func(bool) []peer.Peer {
				z := []string{"-z", "--zc=zstd"}
				return []peer.Peer{&peer.Pubsync{}, &peer.RsyncDaemon{Flags: []string{"--no-whole-file"}}, &peer.RsyncDaemon{Flags: z},
					&peer.RsyncSSH{}, &peer.RsyncSSH{Flags: z}, &peer.Casync{}}
			},
		},
		{
			name: "small", far: true, brief: []string{slow},
			about: "source tree of 2,400 files; the update edits one",
			trees: func(ctx context.Context, o *options) (corpus.Steps, error) { return o.cache.OneEdit(ctx) },
			steps: []step{{name: "first", tree: first, bulk: true}, {name: "one file", tree: update}},
			peers: treePeers,
		},
		{
			name: "pull-images", far: true, brief: []string{"loopback"},
			about: "the other way round: readers fetch the images, and bring old ones up to date",
			trees: func(ctx context.Context, o *options) (corpus.Steps, error) { return o.cache.Images(ctx, o.quick) },
			steps: []step{{name: "first", tree: first, bulk: true}, {name: "update", tree: update}},
			peers: func(bool) []peer.Peer {
				return []peer.Peer{peer.PubsyncPull(), peer.RsyncDaemonPull("--no-whole-file"), peer.RsyncSSHPull(), peer.Zsync(), peer.CasyncPull()}
			},
		},
		{
			name: "pull-source", far: true,
			about: "the other way round: readers fetch the source tree, and bring an old one up to date",
			trees: func(ctx context.Context, o *options) (corpus.Steps, error) { return o.cache.Source(ctx, o.quick) },
			steps: []step{{name: "first", tree: first, bulk: true}, {name: "none", tree: first}, {name: "update", tree: update}},
			peers: func(bool) []peer.Peer {
				return []peer.Peer{peer.PubsyncPull(), peer.RsyncDaemonPull(), peer.RsyncSSHPull()}
			},
		},
		{
			name:  "tiny",
			about: "100,000 files of 20 to 400 bytes",
			trees: func(ctx context.Context, o *options) (corpus.Steps, error) {
				return o.cache.Tiny(ctx, pick(o, 100_000, 5_000))
			},
			steps: []step{{name: "first", tree: first}, {name: "none", tree: first}, {name: "update", tree: update}},
			peers: treePeers,
		},
		{
			name:  "publishers",
			about: "16 builders at once, each with a source tree of 2,400 files to a target of its own",
			trees: func(ctx context.Context, o *options) (corpus.Steps, error) { return o.cache.Source(ctx, true) },
			steps: []step{{name: "first", tree: first, clients: 16}, {name: "none", tree: first, clients: 16}, {name: "update", tree: update, clients: 16}},
			peers: treePeers,
		},
		{
			name: "huge", rare: true,
			about: "one file of 10 GB; the update changes a hundred places and inserts some bytes",
			trees: func(ctx context.Context, o *options) (corpus.Steps, error) {
				return o.cache.Huge(ctx, int64(pick(o, 10_000, 200))<<20)
			},
			steps: []step{{name: "first", tree: first}, {name: "update", tree: update}},
			peers: func(bool) []peer.Peer {
				return []peer.Peer{&peer.Pubsync{Afresh: true}, &peer.RsyncDaemon{Flags: []string{"--no-whole-file"}}, &peer.RsyncSSH{}}
			},
		},
	}
}

// pick is full, or quick for a quick run.
func pick(o *options, full, quick int) int {
	if o.quick {
		return quick
	}
	return full
}

// listsAll makes rsync list the whole tree before it sends anything.
const listsAll = "--no-inc-recursive"

// treePeers are for trees of many files. Over slow links rsync lists them faster
// without its incremental recursion.
func treePeers(slow bool) []peer.Peer {
	if slow {
		all := []string{listsAll}
		return []peer.Peer{&peer.Pubsync{}, &peer.RsyncDaemon{Flags: all}, &peer.RsyncDaemon{}, &peer.RsyncSSH{Flags: all}, &peer.RsyncSSH{}}
	}
	return []peer.Peer{&peer.Pubsync{}, &peer.RsyncDaemon{}, &peer.RsyncSSH{}, &peer.Rclone{}}
}

// filePeers are for few large files.
func filePeers(bool) []peer.Peer {
	return []peer.Peer{&peer.Pubsync{}, &peer.RsyncDaemon{}, &peer.RsyncSSH{}}
}

// product says that a peer is what the others are compared with.
func product(name string) bool { return strings.HasPrefix(name, "pubsync") }

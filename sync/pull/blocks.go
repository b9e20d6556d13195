package pull

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/sync/manifest"
)

// A changed file goes as in zsync (Colin Phipps, "zsync: optimised rsync over
// HTTP"): the server hashes blocks of its file, the client finds them in the one it
// has at whatever offset, and fetches the ranges that are in none. It is a push of
// the old file the other way round: what package delta calls the new file is the
// one at hand here, and its basis is the server's.

const (
	// shortest is the size in bytes from which on a file goes in blocks; below,
	// asking costs more than it saves.
	shortest = 32 << 10
	// minBlock is the smallest block asked about, in bytes: a range costs about a
	// hundred bytes of headers in its answer.
	minBlock = 256
	// gap is the most matched bytes between two ranges that are fetched as one.
	gap = 256
	// perRequest is how many ranges one request asks for: a header of some 5 kB.
	perRequest = 256
	// perQuestion is about how many ranges one question about hashes names: with two
	// to three bytes each a URL of some 6 kB, which passes every proxy.
	perQuestion = 1500
	// together is how many requests for one file are on their way at a time.
	together  = 4
	maxHashes = 64 << 20
	roundTrip = 2000 // bytes that could be sent instead, see delta.PlanOptions
	matchers  = 2    // files matched at a time; each takes up to 64 MiB
)

// errNotWorth says that a file is better fetched whole.
var errNotWorth = errors.New("too little in common")

// A piece of the new file that the old one has.
type piece struct{ at, old, n int64 }

// fromBlocks fills f with the entry's content, made from the file that stands at
// its path and ranges of the server's. It reports false if the file must be fetched
// whole: nothing is there, it has too little in common, or what came of it is not
// what the digest names, as hashes of blocks are short.
func (p *puller) fromBlocks(ctx context.Context, e *manifest.Entry, f *os.File) (bool, error) {
	old, err := p.openOld(e)
	if old == nil || err != nil {
		return false, err
	}
	defer old.Close()
	pieces, err := p.match(ctx, e, old)
	if err != nil {
		return false, whole(ctx, err)
	}
	if err := copyPieces(f, old, pieces); err != nil {
		return false, err
	}
	if err := p.fetchMissing(ctx, e, f, missing(pieces, e.Size)); err != nil {
		return false, whole(ctx, err)
	}
	same, err := hasContent(f, e)
	if same {
		p.reused(pieces)
	}
	return same, err
}

// whole turns a failure of the way in blocks into nil, so that the file is fetched
// whole, unless the pull as a whole was stopped.
func whole(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return nil
}

// openOld returns the regular file at the entry's path, or nil if there is none
// that is worth asking about.
func (p *puller) openOld(e *manifest.Entry) (*os.File, error) {
	fi, err := p.root.Lstat(string(e.Path))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errNotDir):
		return nil, nil
	case err != nil:
		return nil, err
	case !fi.Mode().IsRegular(), fi.Size() < shortest, e.Size < shortest:
		return nil, nil
	}
	f, err := p.root.Open(string(e.Path))
	if errors.Is(err, fs.ErrPermission) {
		return nil, nil
	}
	return f, err
}

// match asks for hashes in rounds and returns what the old file has of the new,
// ascending and without overlaps. Errors wrap errNotWorth if that is too little.
func (p *puller) match(ctx context.Context, e *manifest.Entry, old *os.File) ([]piece, error) {
	select {
	case p.matching <- struct{}{}:
		defer func() { <-p.matching }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	fi, err := old.Stat()
	if err != nil {
		return nil, err
	}
	src := delta.Source{ReaderAt: old, Size: fi.Size()}
	plan := delta.NewPlan(src, []int64{e.Size}, delta.PlanOptions{RoundTrip: roundTrip, LiteralCost: 1, MinBlock: minBlock, Quick: true, Careful: true})
	for requests := plan.Next(); len(requests) > 0; requests = plan.Next() {
		for _, r := range requests {
			if err := p.ask(ctx, e, plan, r.Request); err != nil {
				return nil, err
			}
		}
	}
	pieces := inverted(plan.Ops())
	if total(pieces) < e.Size/16 {
		return nil, fmt.Errorf("%q: %w", e.Path, errNotWorth)
	}
	return pieces, nil
}

// ask has the server hash what a request names and matches the answer. Many ranges
// are asked about with several questions.
func (p *puller) ask(ctx context.Context, e *manifest.Entry, plan *delta.Plan, req delta.Request) error {
	some := slices.Collect(slices.Chunk(req.Ranges, perQuestion))
	answers := make([][]uint64, len(some))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(together)
	for i, ranges := range some {
		g.Go(func() (err error) {
			part := req
			part.Ranges = ranges
			answers[i], err = p.hashes(ctx, e, part)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return plan.Match(0, &delta.Signature{Request: req, Hashes: slices.Concat(answers...)})
}

func (p *puller) hashes(ctx context.Context, e *manifest.Entry, req delta.Request) ([]uint64, error) {
	b, err := p.remote.Hashes(ctx, p.opts.Target.Join(e.Path), p.result.Version, codec.AppendRequest(nil, &req, e.Size), maxHashes)
	if err != nil {
		return nil, err
	}
	sig, err := codec.DecodeHashes(b, req)
	if err != nil {
		return nil, err
	}
	return sig.Hashes, nil
}

// inverted returns the copies of ops, which make the old file from the new, as
// pieces of the new file, ordered.
func inverted(ops []delta.Op) []piece {
	var all []piece
	var at int64
	for _, op := range ops {
		if op.Basis == 0 {
			all = append(all, piece{op.Off, at, op.Len})
		}
		at += op.Len
	}
	return ordered(all)
}

// ordered sorts pieces and cuts them where they overlap.
func ordered(all []piece) []piece {
	slices.SortFunc(all, func(a, b piece) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b.n, a.n)) })
	kept := all[:0]
	var end int64
	for _, c := range all {
		if cut := end - c.at; cut > 0 {
			c.at, c.old, c.n = c.at+cut, c.old+cut, c.n-cut
		}
		if c.n <= 0 {
			continue
		}
		kept, end = append(kept, c), c.at+c.n
	}
	return kept
}

func total(pieces []piece) (n int64) {
	for _, c := range pieces {
		n += c.n
	}
	return n
}

// missing returns the ranges, offset and length, of a file of size bytes that are
// in no piece. Ranges closer than gap are one.
func missing(pieces []piece, size int64) [][2]int64 {
	var ranges [][2]int64
	var end int64
	add := func(from, to int64) {
		if from >= to {
			return
		}
		if last := len(ranges) - 1; last >= 0 && from-(ranges[last][0]+ranges[last][1]) < gap {
			ranges[last][1] = to - ranges[last][0]
			return
		}
		ranges = append(ranges, [2]int64{from, to - from})
	}
	for _, c := range pieces {
		add(end, c.at)
		end = c.at + c.n
	}
	add(end, size)
	return ranges
}

func copyPieces(f, old *os.File, pieces []piece) error {
	for _, c := range pieces {
		n, err := io.Copy(io.NewOffsetWriter(f, c.at), io.NewSectionReader(old, c.old, c.n))
		if err == nil && n < c.n {
			err = fmt.Errorf("%s: %w", old.Name(), io.ErrUnexpectedEOF)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fetchMissing fetches ranges of the file, some hundred with each request.
func (p *puller) fetchMissing(ctx context.Context, e *manifest.Entry, f *os.File, ranges [][2]int64) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(together)
	for some := range slices.Chunk(ranges, perRequest) {
		g.Go(func() error {
			return p.remote.FetchRanges(ctx, p.opts.Target.Join(e.Path), p.result.Version, some, func(i int, r io.Reader) error {
				_, err := io.Copy(io.NewOffsetWriter(f, some[i][0]), r)
				return err
			})
		})
	}
	return g.Wait()
}

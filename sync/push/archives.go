package push

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/archive"
	"github.com/pubsync/pubsync/sync/walk"
)

// Through says whether archives are delta'd by what is inside them.
type Through int

// The ways of [Options.Through].
const (
	Auto   Through = iota // where that is quicker, by what this push measured, or little slower next door
	Always                // wherever it can be done
	Never
)

// minArchive is the size in bytes below which an archive goes by its bytes.
const minArchive = 1 << 10

// expanded is an archive taken apart: its plain view in a file without a name.
type expanded struct {
	plain  *os.File
	size   int64
	guess  func(ops []delta.Op, bases []int64) []delta.Guess
	recipe []byte
	took   time.Duration // taking it apart
	steps  float64       // of search that a plain byte takes which is not copied

	thorough bool // the recipe was made from all of it
}

func (e *expanded) close() { e.plain.Close() }

func (e *expanded) recipeSource() delta.Source {
	return delta.Source{ReaderAt: bytes.NewReader(e.recipe), Size: int64(len(e.recipe))}
}

// An analysis is how an archive is taken apart.
type analysis int

const (
	whilePaying analysis = iota // by samples of its streams, for as long as that pays
	whileRacing                 // the same, until it is there by its bytes
	bySamples                   // however long it takes: the server has some of the views
	byAll                       // of it: the view made from samples has not come back as the file, or may not
)

// expand takes a file apart, or returns nil if it is no archive or not worth it.
func (p *pusher) expand(ctx context.Context, m *match, how analysis) (*expanded, error) {
	f := m.file
	limit, ok := p.expandable(m.verdict.Index, f, how)
	if !ok {
		return nil, nil
	}
	done, err := p.takingApart(ctx) // one at a time, and on two cores
	if err != nil {
		return nil, err
	}
	defer done()
	t := &trial{src: f, now: p.opts.Now, race: m.race}
	began := p.opts.Now()
	takeApart := archive.Sample
	switch {
	case how == byAll:
		takeApart = archive.Analyse
	case limit > 0:
		t.until = began.Add(limit)
	}
	if t.File, err = p.opts.Spool(); err != nil {
		return nil, nil // no place for it: by its bytes, then
	}
	v, err := takeApart(ctx, source{t}, f.Size(), t, archive.DefaultLimits())
	switch spent := p.opts.Now().Sub(began); {
	case err == nil && how == byAll:
	case err == nil:
		p.pace.took(f.Size(), spent)
	default:
		p.pace.took(min(t.read.Load(), f.Size()), spent)
		t.File.Close()
		if errors.Is(err, archive.ErrNotArchive) || errors.Is(err, errSlow) || errors.Is(err, syscall.ENOSPC) {
			return nil, nil
		}
		return nil, err
	}
	return &expanded{
		plain: t.File, size: v.PlainSize, guess: v.GuessSizes, recipe: v.Recipe, thorough: how == byAll,
		took: p.opts.Now().Sub(began), steps: float64(v.Steps) / float64(max(v.Looked, 1)),
	}, nil
}

// expandable says whether the file at index i is to be taken apart, and how long that
// may last; 0 is as long as it takes.
func (p *pusher) expandable(i int, f *walk.File, how analysis) (limit time.Duration, ok bool) {
	if p.opts.Through == Never || p.opts.Spool == nil || f.Size() < minArchive || sniff(f) == archive.Bytes {
		return 0, false
	}
	if how != whilePaying || p.opts.Through != Auto {
		return 0, true
	}
	return p.pace.pays(f.Size(), p.rate.roundTrip(), p.drained(i)+p.slack())
}

// roundShare is what is taken to be left of what is missing, one in so many, where
// another round of matching follows, whose blocks are smaller by as much.
const roundShare = 4

// slow reports whether an archive that is matched as far as it goes had better go by
// its bytes after all, which the link will have carried before the server has rebuilt
// it; then it has that to carry when the next asks. What the server has some of is not
// slow.
func (p *pusher) slow(m *match, again bool) bool {
	if p.opts.Through != Auto || m.view == nil || m.plain.plan == nil || m.verdict.ViewsStaged() {
		return false
	}
	p.deciding.Lock()
	defer p.deciding.Unlock()
	i := m.verdict.Index
	if p.remaining(m, again) <= p.drained(i)+p.slackFor(m.file.Size(), again, m.plain.plan.MissingCost) {
		return false
	}
	p.pace.found(m.view.took, m.rebuilding())
	p.backlog.keep(i, p.tree.Entries[i].Size)
	return true
}

// remaining is how long it takes until the server has rebuilt an archive that is matched
// so far; again says that more rounds follow.
func (p *pusher) remaining(m *match, again bool) time.Duration {
	left := m.plain.plan.MissingCost()
	if again {
		left /= roundShare
	}
	return p.pace.until(m.rebuilding(), p.rate.roundTrip()*time.Duration(max(rounds-1-m.rounds, 1))+p.rate.sending(left))
}

// vain reports whether less of an archive is known than its own compression saves.
func (m *match) vain() bool {
	return m.view != nil && !m.verdict.ViewsStaged() && m.plain.missing()/2 > m.file.Size()
}

// rebuilding is how long the server is expected to take over an archive as it is
// matched by now.
func (m *match) rebuilding() time.Duration {
	search := m.view.size
	if m.plain.plan != nil {
		search = searchedOf(m.plain.plan.Ops())
	}
	return rebuildTime(m.view.size, search, m.view.steps)
}

// left is about how many bytes are to be sent of an archive as it is matched by now.
func (m *match) left() int64 {
	if m.plain.plan == nil {
		return m.view.size
	}
	return m.plain.plan.MissingCost()
}

// sniff tells from both ends of a file what it is; [archive.Bytes] if it cannot be read.
func sniff(f *walk.File) archive.Format {
	head := make([]byte, min(f.Size(), archive.SniffHead))
	tail := make([]byte, min(f.Size(), archive.SniffTail))
	if _, err := f.ReadAt(head, 0); err != nil && err != io.EOF {
		return archive.Bytes
	}
	if _, err := f.ReadAt(tail, f.Size()-int64(len(tail))); err != nil && err != io.EOF {
		return archive.Bytes
	}
	return archive.Sniff(head, tail)
}

// looksLikeArchive reports whether the file at index i may be one that goes by
// what is inside it.
func (p *pusher) looksLikeArchive(i int) bool {
	if p.opts.Spool == nil || p.tree.Entries[i].Size < minArchive {
		return false
	}
	f, err := p.tree.Open(i)
	if err != nil {
		return false
	}
	defer f.Close()
	return sniff(f) != archive.Bytes
}

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
	Auto   Through = iota // where that is quicker by what this push measured, or takes half a second in all
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
	due    time.Duration // rebuilding it, on the server, as expected

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
	bySamples                   // however long it takes: the server has some of the views
	byAll                       // of it: the view made from samples has not come back as the file, or may not
)

// expand takes a file apart, or returns nil if it is no archive or not worth it.
func (p *pusher) expand(ctx context.Context, f *walk.File, how analysis) (*expanded, error) {
	if p.opts.Through == Never || p.opts.Spool == nil || f.Size() < minArchive || !sniffs(f) {
		return nil, nil
	}
	p.expanding.Lock() // each takes up to 64 MiB
	defer p.expanding.Unlock()
	t := &trial{src: f, now: p.opts.Now}
	began, whole := p.opts.Now(), p.rate.wholeTime(f.Size())
	takeApart := archive.Sample
	switch {
	case how == byAll:
		takeApart = archive.Analyse
	case how == whilePaying && p.opts.Through == Auto:
		limit, ok := p.pace.pays(began, f.Size(), whole)
		if !ok {
			return nil, nil
		}
		t.until = began.Add(limit)
	}
	var err error
	if t.File, err = p.opts.Spool(); err != nil {
		return nil, nil // no place for it: by its bytes, then
	}
	v, err := takeApart(ctx, source{t}, f.Size(), t, archive.DefaultLimits())
	switch spent := p.opts.Now().Sub(began); {
	case err == nil && how == byAll:
	case err == nil:
		p.pace.took(f.Size(), spent, true)
	default:
		p.pace.took(min(t.read.Load(), f.Size()), spent, false)
		t.File.Close()
		if errors.Is(err, archive.ErrNotArchive) || errors.Is(err, errSlow) || errors.Is(err, syscall.ENOSPC) {
			return nil, nil
		}
		return nil, err
	}
	return &expanded{plain: t.File, size: v.PlainSize, guess: v.GuessSizes, recipe: v.Recipe, took: p.opts.Now().Sub(began), thorough: how == byAll}, nil
}

// declined reports whether an archive that is matched had better go by its bytes
// after all: less of it is known than its own compression saves, or it is sent
// sooner than the server rebuilds it. What the server has some of is not declined.
func (p *pusher) declined(m *match) bool {
	missing := m.plain.missing()
	searched := m.view.size
	if m.plain.plan != nil {
		searched = searchedOf(m.plain.plan.Ops())
	}
	m.view.due = m.view.rebuilding(searched)
	switch {
	case m.verdict.ViewsStaged():
		return false
	case missing/2 > m.file.Size():
		return true
	}
	return p.opts.Through == Auto && !p.pace.worth(p.opts.Now(), m.file.Size(), m.view.took, m.view.due, p.rate.wholeTime(m.file.Size()))
}

func sniffs(f *walk.File) bool {
	head := make([]byte, min(f.Size(), archive.SniffHead))
	tail := make([]byte, min(f.Size(), archive.SniffTail))
	if _, err := f.ReadAt(head, 0); err != nil && err != io.EOF {
		return false
	}
	if _, err := f.ReadAt(tail, f.Size()-int64(len(tail))); err != nil && err != io.EOF {
		return false
	}
	return archive.Sniff(head, tail) != archive.Bytes
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
	return sniffs(f)
}

package push

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// smallList is the size in bytes up to which the list rides on the open: what
// a new TCP connection carries in its first round trip (RFC 6928: 10 segments).
const smallList = 12 << 10

func (p *pusher) open(ctx context.Context) (done bool, err error) {
	if err := p.foretell(ctx); err != nil {
		return false, err
	}
	entries := p.tree.Entries
	tree := entries.TreeDigest()
	o := wire.Open{
		Version: wire.Version, SessionHash: p.opts.SessionHash, Target: p.opts.Target, Mode: wire.Merge,
		Entries: len(entries), Files: p.result.Files, Bytes: p.result.Bytes, TreeDigest: tree,
		Checksum: p.opts.Checksum, DryRun: p.opts.DryRun, Visibility: p.opts.Visibility, Aliases: p.opts.Aliases,
	}
	if p.opts.Mirror {
		o.Mode = wire.Mirror
	}
	p.volunteers, p.amended = map[int][]wire.Signature{}, map[int]bool{}
	p.runs, p.foreseen, p.fresh = []run{{n: len(entries)}}, false, false
	clear(p.needs)
	p.spelled = false
	p.alike = make([]bool, len(entries))
	var outline *wire.Outline
	var extra []byte
	rest := p.runs
	if len(entries) <= smallList/2 { // there is no entry of two bytes
		extra, rest = p.appendList(nil, p.runs, smallList, true)
	}
	if len(rest) > 0 {
		extra, p.early = nil, nil
		if outline = p.outline(); outline != nil {
			extra = wire.AppendOutline(nil, *outline)
		}
	} else {
		p.answered = 0
		if len(extra) > 0 && extra[0] == byte(wire.FrameList) {
			o.TreeDigest = manifest.Digest{} // the server makes it of the list
		}
	}
	if p.early != nil {
		extra = p.appendQuestion(extra, p.early.indices)
	}
	var opened wire.Opened
	err = p.remote.Open(ctx, o, extra, func(f wire.Frame) (err error) {
		if f.Type == wire.FrameOpened {
			if opened, err = wire.ParseOpened(f.Payload); err != nil {
				return fmt.Errorf("%w: %v", ErrProtocol, err)
			}
			return nil
		}
		if f.Type == wire.FrameOutlined {
			return p.onOutlined(f.Payload, outline)
		}
		return p.onOpen(f)
	})
	if err != nil {
		return false, err
	}
	if len(rest) == 0 && p.answered >= len(entries) {
		p.runs = nil
	}
	p.fresh = p.fresh || opened.Empty
	p.rate.learn(p.remote.Link())
	return p.opened(opened, tree)
}

func (p *pusher) opened(o wire.Opened, tree manifest.Digest) (done bool, err error) {
	p.session, p.limits, p.result.Target = cmp.Or(o.Session, wire.OwnSession), o.Limits, o.Target
	switch o.Status {
	case wire.StatusUnchanged:
		p.result.Status, p.receipt = "unchanged", o.Receipt
		p.opts.Progress.Add(p.result.Files, p.result.Bytes)
		return true, nil
	case wire.StatusPublished:
		if o.TreeDigest != tree {
			return true, ErrSessionUsed
		}
		p.result.Status, p.receipt = "published", o.Receipt
		return true, nil
	case wire.StatusOpen:
		if o.Limits.Body <= 0 {
			return true, fmt.Errorf("%w: an open session that takes no bodies", ErrProtocol)
		}
		if b := p.body.Load(); b == 0 || b > o.Limits.Body {
			p.body.Store(o.Limits.Body)
		}
		p.slots.limit(o.Limits.Parallel)
		p.pace.serves(o.Limits.Archives)
		return false, nil
	}
	return true, fmt.Errorf("%w: unknown status %q", ErrProtocol, o.Status)
}

// ErrSessionUsed: the session secret belongs to a session that has published
// another tree. Push again with a new secret.
var ErrSessionUsed = errors.New("the session was used for another tree")

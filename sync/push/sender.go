package push

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/pubsync/pubsync/sync/walk"
	"github.com/pubsync/pubsync/sync/wire"
)

const (
	// bodyTarget is the size in bytes at which a request goes off, though the
	// server may take more: enough to keep a link busy, little to lose. Where more
	// than two windows are under way they share what two would take.
	bodyTarget = 4 << 20
	// packPlain is how much plain content is compressed together.
	packPlain = 1 << 20
	// frameRoom is kept free in a body for the headers of a frame.
	frameRoom = 2 << 10
)

// sender fills request bodies with the content of one window and sends them,
// the next being filled while one is under way. It is used by one goroutine.
type sender struct {
	ctx     context.Context
	p       *pusher
	failed  *failures
	window  *window     // whose content it sends; nil for one that sends a part of that
	shelf   *shelf      // of the window; nil if it keeps nothing
	commits func() bool // whether the commit rides on the last body; nil: it does not
	handOn  func()      // called once the last body is on its way; nil if nobody waits for that
	among   int         // how many senders share what bodies take
	racing  *race       // that this one takes part in; nil: none

	enc    *zstd.Encoder
	level  effort  // of enc
	plain  []byte  // coded frames of small files, to be compressed together
	packed []cargo // what is on plain
	body   []byte
	spare  []byte    // a body that has landed, to be filled again
	made   []byte    // the part being made
	on     []cargo   // what is on body
	lull   time.Time // when the body before had landed

	number uint64        // of the request that body is
	head   int           // bytes at its front that tell that
	air    []*flight     // requests under way, in order
	landed bool          // a request has got through
	read   bool          // the body of a request that ended early may still be read
	lost   []*lostFlight // requests that were lost; the first ends the work
	flown  map[int]bool  // by index: some of it was on a request; once one is lost, all to be asked about

	due     map[int]time.Duration // by index: what the server is expected to take over an archive
	left    map[int]int64         // by index: about how many bytes are to be sent of an archive
	again   []int                 // to be asked about again
	broken  map[int]bool          // of those, files a part of which did not arrive
	amended []byte                // frames that tell of entries that changed
}

// cargo is one frame of content in a body.
type cargo struct {
	index int
	tally *tally
	bytes int64 // of the file this frame covers
	size  int   // of the frame
	last  bool  // the file's last frame

	due time.Duration // for the last frame of an archive: what the server is expected to take
}

func newSender(ctx context.Context, p *pusher, failed *failures) *sender {
	return &sender{ctx: ctx, p: p, failed: failed, among: p.parallel(), flown: map[int]bool{}, due: map[int]time.Duration{}, left: map[int]int64{}, broken: map[int]bool{}}
}

// send sends what a window lacks. When a request is lost it returns a
// [*lostFlight]: then what was on requests and was not dealt with is to be
// asked about again, and the rest of the work is still to be done.
func (s *sender) send(w work) error {
	defer s.close()
	if s.p.opts.DryRun {
		s.pretend(w)
		return nil
	}
	err := s.sendAll(w)
	if landed := s.land(); err == nil {
		err = landed
	}
	if len(s.lost) > 0 && errors.Is(err, s.lost[0]) {
		for _, i := range s.again {
			s.flown[i] = true
		}
		s.again = s.p.undealt(slices.Collect(maps.Keys(s.flown)))
		return err
	}
	s.again = append(s.again, w.twins...)
	return err
}

func (s *sender) close() {
	if s.enc != nil {
		s.enc.Close()
		s.enc = nil
	}
}

func (s *sender) sendAll(w work) error {
	if err := s.sendSmall(w.small, w.along); err != nil {
		return err
	}
	deltas, err := s.deltasBySibling(w.deltas)
	if err != nil {
		return err
	}
	if err := s.deltas(deltas, w.sigs); err != nil {
		return err
	}
	for _, v := range w.large {
		if err := s.large(v); err != nil {
			return err
		}
	}
	return s.finishWith(w.twins)
}

// finishWith sends the last body off, with the commit if all will be there then.
func (s *sender) finishWith(twins []int) error {
	if err := s.pack(); err != nil || len(s.body) == 0 {
		return err
	}
	if err := s.land(); err != nil {
		return err
	}
	if s.commits != nil && s.commits() && len(twins)+len(s.again)+len(s.amended) == 0 {
		s.body = s.p.appendCommit(s.body, true)
	}
	if err := s.flush(); err != nil || len(s.air) == 0 || s.handOn == nil {
		return err
	}
	s.air[len(s.air)-1].leave(s.handOn)
	return nil
}

// sendSmall puts small files on bodies, after the digests of those that nobody has
// asked about. Where they are not compressed the shelf becomes the body: what stays of
// it moves up, and no frame is written over before it has moved.
func (s *sender) sendSmall(vs []wire.Verdict, along []int) error {
	slices.SortFunc(vs, func(a, b wire.Verdict) int { return a.Index - b.Index })
	for _, i := range along {
		s.flown[i] = true // if a request is lost they are asked about, on it or not
	}
	switch {
	case s.shelf != nil && len(vs) > 0 && len(s.body) == 0 && s.p.rate.effort() == none:
		vs = s.moveUp(vs, along)
	case len(along) > 0:
		s.begin()
		s.body = wire.AppendAlong(s.body, s.p.digestsOf(along))
	}
	for _, v := range vs {
		if err := s.small(v.Index); err != nil {
			return err
		}
	}
	return nil
}

// moveUp makes the body of the frames on the shelf, with its number and digests before
// them, and returns the files that the shelf does not have. It is empty after that.
func (s *sender) moveUp(vs []wire.Verdict, along []int) (rest []wire.Verdict) {
	shelf := s.shelf
	s.shelf = nil
	s.begin()
	if len(along) > 0 {
		s.body = wire.AppendAlong(s.body, s.p.digestsOf(along))
	}
	front := shelf.start - len(s.body)
	copy(shelf.frames[front:], s.body)
	s.body = shelf.frames[front:shelf.start]
	for _, v := range vs {
		frame := shelf.frame(v.Index)
		if frame == nil {
			rest = append(rest, v)
			continue
		}
		if n := len(s.body) + len(frame); &s.body[:n][n-1] == &frame[len(frame)-1] {
			s.body = s.body[:n] // nothing before it was left out: it is where it goes
		} else {
			s.body = append(s.body, frame...)
		}
		s.on = append(s.on, cargo{index: v.Index, tally: &s.p.whole, bytes: s.p.tree.Entries[v.Index].Size, size: len(frame), last: true})
	}
	shelf.places = nil
	return rest
}

// pretend reports what would be sent.
func (s *sender) pretend(w work) {
	p := s.p
	for _, v := range append(w.small, w.large...) {
		p.whole.add(1, p.tree.Entries[v.Index].Size, 0)
		p.deal(v.Index, Sent)
	}
	for _, v := range w.deltas {
		p.delta.add(1, p.tree.Entries[v.Index].Size, 0)
		p.deal(v.Index, Delta)
	}
	for _, i := range w.twins {
		p.linked.add(1, p.tree.Entries[i].Size, 0)
		p.deal(i, Linked)
	}
}

// small puts a whole file on the next body.
func (s *sender) small(i int) error {
	size := s.p.tree.Entries[i].Size
	if err := s.makeRoom(size); err != nil {
		return err
	}
	err := s.file(i)
	if errors.Is(err, walk.ErrChanged) {
		return s.changed(i)
	}
	if err != nil || len(s.plain) < packPlain {
		return err
	}
	return s.pack()
}

// begin gives a body that is empty its number, and returns its length.
func (s *sender) begin() int {
	if len(s.body) == 0 {
		s.number = s.p.requests.Add(1)
		s.body = wire.AppendNumber(s.body, wire.FrameNumber, s.number)
		s.head = len(s.body)
	}
	return len(s.body)
}

// makeRoom sees to it that a file of the size fits the body, even if nothing of
// it can be compressed.
func (s *sender) makeRoom(size int64) error {
	fits := func() bool { return int64(len(s.body)+len(s.plain))+size <= s.limit() }
	if fits() {
		return nil
	}
	if err := s.pack(); err != nil || fits() {
		return err
	}
	return s.flush()
}

// file reads a file, complete and unchanged, into a frame among those to be
// compressed together.
func (s *sender) file(i int) error {
	before, size := len(s.plain), int(s.p.tree.Entries[i].Size)
	if frame := s.shelf.frame(i); frame != nil {
		s.plain = append(s.plain, frame...)
	} else {
		head := wire.AppendFileHead(s.plain, i, size)
		plain := slices.Grow(head, size)[:len(head)+size]
		if err := s.p.tree.Read(i, plain[len(head):]); err != nil {
			return err
		}
		s.plain = plain
	}
	s.packed = append(s.packed, cargo{index: i, tally: &s.p.whole, bytes: int64(size), size: len(s.plain) - before, last: true})
	return nil
}

func (s *sender) limit() int64 {
	most := s.p.bodyLimit(s.among)
	if s.racing != nil {
		most = min(most, max(raceBody, int64(s.p.rate.carried(s.p.rate.roundTrip()))))
	}
	return most
}

// bodyLimit is the size a body may reach where so many senders are at work.
func (p *pusher) bodyLimit(senders int) int64 {
	target := int64(bodyTarget)
	if !p.rate.near() {
		target = bodyTarget * fewWindows / int64(max(senders, fewWindows))
	}
	return max(min(p.body.Load(), target)-frameRoom, minBody/2)
}

// pack compresses what small files have gathered onto the body.
func (s *sender) pack() error {
	if len(s.plain) == 0 {
		return nil
	}
	before := s.begin()
	if effort := s.p.rate.effort(); effort == none {
		s.body = append(s.body, s.plain...)
	} else {
		enc, err := s.encoder(effort)
		if err != nil {
			return err
		}
		s.body = wire.AppendZstd(s.body, enc, s.plain)
	}
	s.share(len(s.body) - before)
	s.plain = s.plain[:0]
	return nil
}

// encoder returns the compressor for an effort.
func (s *sender) encoder(e effort) (*zstd.Encoder, error) {
	if s.enc != nil && s.level == e {
		return s.enc, nil
	}
	s.close()
	enc, err := wire.NewZstdEncoder(e.zstdLevel())
	s.enc, s.level = enc, e
	return enc, err
}

// share divides the compressed size among the files that were packed together.
func (s *sender) share(size int) {
	for k := range s.packed {
		c := &s.packed[k]
		c.size = int(int64(c.size) * int64(size) / int64(len(s.plain)))
	}
	s.on = append(s.on, s.packed...)
	s.packed = s.packed[:0]
}

// part puts a part on the body, sending off what is there if it would get too
// long.
func (s *sender) part(part wire.Part, c cargo) error {
	if len(s.body) > 0 && int64(len(s.body)+len(part.Body)) > s.limit() {
		if err := s.flush(); err != nil {
			return err
		}
	}
	before := s.begin()
	s.body = s.p.appendUntold(s.body, part.Index)
	s.body = wire.AppendPart(s.body, part)
	c.size = len(s.body) - before
	s.on = append(s.on, c)
	return nil
}

// changed brings an entry up to date whose file is not what was listed.
func (s *sender) changed(i int) error {
	s.shelf.drop(i)
	frames, err := s.p.rehash(s.ctx, i)
	if err != nil {
		return err
	}
	s.amended = append(s.amended, frames...)
	s.again = append(s.again, i)
	return nil
}

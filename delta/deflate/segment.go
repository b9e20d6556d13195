package deflate

// Segments are the unit of parallel work. A segment is a stretch of whole
// blocks; only a block too large for that is cut.
const (
	firstTarget = 512 << 10 // plain bytes of the first segments
	lastTarget  = 2 << 20   // plain bytes of later ones
	maxPlain    = 9 << 19   // a block is cut when its segment reaches this,
	maxTokens   = 3 << 18   // or this,
	maxBlocks   = 1 << 14   // or this many blocks

	// tailSize is the number of bytes after a segment that its predictions
	// may look at. A shorter tail means that the plain bytes end there.
	tailSize = 512
)

// segmentTarget returns the number of plain bytes after which segment i ends
// at the next block boundary. It starts low so that short streams spread over
// the cores too.
func segmentTarget(i int) int {
	return min(firstTarget<<min(i/2, 10), lastTarget)
}

// A blockType is a deflate block's two-bit type.
type blockType uint8

const (
	stored  blockType = 0
	fixed   blockType = 1
	dynamic blockType = 2
)

// A block is one block of a decoded segment.
type block struct {
	typ    blockType
	final  bool
	opened bool   // began in an earlier segment
	cut    bool   // goes on in the next segment
	pad    uint8  // stored: the bits skipped to the byte boundary
	phase  uint8  // bits used of the byte in which the block starts
	tokens int    // number of tokens (stored: 0)
	plain  int    // number of plain bytes
	header header // dynamic only
}

// A segment is a stretch of a stream: its plain bytes with the window before
// them and the tail behind, and when it comes from the decoder, its tokens
// and blocks.
type segment struct {
	index int
	abs   int64  // position in the plain stream of buf[0]
	start int    // index in buf of the segment's first byte
	end   int    // index in buf behind the segment's last byte
	buf   []byte // window, segment, tail

	last     bool // the stream ends with this segment
	tokens   []token
	blocks   []block
	padding  uint8 // last only: the bits after the stream in its last byte
	consumed int64 // compressed bytes up to the end of the segment
}

// ended reports whether the plain bytes end with buf.
func (s *segment) ended() bool { return len(s.buf)-s.end < tailSize }

func (s *segment) size() int { return s.end - s.start }

// begin empties s and makes it the successor of prev (nil at the start of a
// stream), with prev's last bytes as its window.
func (s *segment) begin(prev *segment) {
	*s = segment{buf: s.buf[:0], tokens: s.tokens[:0], blocks: s.blocks[:0]}
	if prev == nil {
		return
	}
	from := max(prev.end-windowSize, 0)
	s.index = prev.index + 1
	s.abs = prev.abs + int64(from)
	s.buf = append(s.buf, prev.buf[from:prev.end]...)
	s.start, s.end = len(s.buf), len(s.buf)
}

// addBlock appends an empty block, reusing the memory of its header.
func (s *segment) addBlock() *block {
	if n := len(s.blocks); n < cap(s.blocks) {
		s.blocks = s.blocks[:n+1]
		b := &s.blocks[n]
		*b = block{header: header{runs: b.header.runs[:0]}}
		return b
	}
	s.blocks = append(s.blocks, block{})
	return &s.blocks[len(s.blocks)-1]
}

// setTail appends the bytes behind the segment to buf.
func (s *segment) setTail(tail []byte) {
	s.buf = append(s.buf[:s.end], tail[:min(len(tail), tailSize)]...)
}

// slack is the room behind the plain bytes for the tail and for what
// predictors put behind the end.
const slack = tailSize + maxMatch + 64

// makeRoom gives buf room for size bytes and the slack, and tokens room for at
// least one more. Both grow by doubling up to what the largest segment needs.
func (s *segment) makeRoom(size int) {
	const most = windowSize + maxPlain + maxStored + 2*maxMatch + slack
	if need := size + slack; cap(s.buf) < need {
		buf := make([]byte, s.end, max(need, min(max(2*cap(s.buf), 128<<10), most)))
		copy(buf, s.buf)
		s.buf = buf
	}
	if cap(s.tokens) == len(s.tokens) {
		tokens := make([]token, len(s.tokens), min(max(2*len(s.tokens), 8<<10), maxTokens))
		copy(tokens, s.tokens)
		s.tokens = tokens
	}
}

package gather

// preface is what a client writes first (RFC 9113, section 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Types and flags of HTTP/2 frames (RFC 9113, section 6).
const (
	frameHead = 9

	typeHeaders  = 1
	typeSettings = 4
	typeWindow   = 8

	flagAck        = 1 // of settings
	flagEndStream  = 1 // of headers
	flagEndHeaders = 4
)

// A patience is how long what was written may wait for what follows.
type patience int

const (
	none  patience = iota
	short          // something follows at once
	head           // so it does, and this is the head of a request or an answer
	long           // nobody waits for it
)

// frames follows the frames that are written.
type frames struct {
	head  [frameHead]byte // of the frame that is being written
	have  int             // bytes of head
	left  int             // bytes of the frame, or the preface, that are still to come
	begun bool            // a frame of another kind than opens a connection was written
}

// pass takes in what is written next, and returns how long that may wait.
func (f *frames) pass(b []byte) patience {
	for len(b) > 0 {
		if f.left > 0 {
			n := min(f.left, len(b))
			f.left, b = f.left-n, b[n:]
			continue
		}
		if f.have == frameHead {
			f.have = 0
		}
		n := copy(f.head[f.have:], b)
		if f.have, b = f.have+n, b[n:]; f.have == frameHead {
			f.left = int(f.head[0])<<16 | int(f.head[1])<<8 | int(f.head[2])
			t := f.head[3]
			f.begun = f.begun || t != typeSettings && t != typeWindow
		}
	}
	return f.wait()
}

// wait returns how long what was written last may wait.
func (f *frames) wait() patience {
	if f.left > 0 || 0 < f.have && f.have < frameHead {
		return none // a large frame: the rest of it is on its way, and fills records
	}
	t, flags := f.head[3], f.head[4]
	switch {
	case f.have == 0: // the preface
		return short
	case t == typeHeaders && flags&flagEndStream == 0 && flags&flagEndHeaders != 0:
		return head // of what has content
	case t == typeSettings && flags&flagAck != 0:
		return long
	case !f.begun && (t == typeSettings || t == typeWindow):
		return short // of what opens a connection something comes after
	}
	return none
}

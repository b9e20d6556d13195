package gather

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"pgregory.net/rapid"
)

// A counter counts what is written.
type counter struct {
	net.Conn
	writes, bytes int
	began         chan struct{} // takes each Write that begins, unless nil
}

func (c *counter) Write(b []byte) (int, error) {
	if c.began != nil {
		c.began <- struct{}{}
	}
	c.writes++
	c.bytes += len(b)
	return c.Conn.Write(b)
}

// link returns the ends of a connection of TLS after the handshake, and what counts the
// records of the first.
func link(t testing.TB) (from, to *tls.Conn, sent *counter) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	sent = &counter{Conn: near}
	from = tls.Client(NewBundle(sent), &tls.Config{InsecureSkipVerify: true, DynamicRecordSizingDisabled: true})
	to = tls.Server(far, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert}, PrivateKey: key}}, SessionTicketsDisabled: true})
	done := make(chan error, 1)
	go func() { done <- to.Handshake() }()
	if err := from.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	sent.writes, sent.bytes = 0, 0
	t.Cleanup(func() { near.Close(); far.Close() })
	return from, to, sent
}

// written returns what a client writes to open a connection, and with its first request,
// as package http2 does: each piece with a write of its own.
func written(t testing.TB) (pieces [][]byte) {
	t.Helper()
	var b, head bytes.Buffer
	f := http2.NewFramer(&b, nil)
	enc := hpack.NewEncoder(&head)
	if err := enc.WriteField(hpack.HeaderField{Name: ":method", Value: "POST"}); err != nil {
		t.Fatal(err)
	}
	for _, write := range []func() error{
		func() error {
			b.WriteString(preface)
			if err := f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 4 << 20}); err != nil {
				return err
			}
			return f.WriteWindowUpdate(0, 1<<20)
		},
		func() error {
			return f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head.Bytes(), EndHeaders: true})
		},
		f.WriteSettingsAck,
		func() error { return f.WriteData(1, true, []byte("a question")) },
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
		pieces = append(pieces, bytes.Clone(b.Bytes()))
		b.Reset()
	}
	return pieces
}

// receive reads n bytes in the background.
func receive(c *tls.Conn, n int) chan []byte {
	got := make(chan []byte, 1)
	go func() {
		b := make([]byte, n)
		if _, err := io.ReadFull(c, b); err != nil {
			b = nil
		}
		got <- b
	}()
	return got
}

func TestARequestIsOneRecord(t *testing.T) {
	from, to, sent := link(t)
	c := Client(from)
	pieces := written(t)
	want := slices.Concat(pieces...)
	c.waits = [4]time.Duration{short: time.Hour, head: time.Hour, long: time.Hour}
	got := receive(to, len(want))
	for _, b := range pieces {
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if b := <-got; !bytes.Equal(b, want) {
		t.Fatalf("%q arrived, want %q", b, want)
	}
	if sent.writes != 1 || sent.bytes > len(want)+22 {
		t.Errorf("%d records, %d bytes for %d, want 1", sent.writes, sent.bytes, len(want))
	}
}

// TestALargePieceComesAfterWhatWaited writes more behind a head than waits with it.
func TestALargePieceComesAfterWhatWaited(t *testing.T) {
	from, to, sent := link(t)
	c := Client(from)
	pieces := append(written(t)[:2], make([]byte, maxHeld))
	want := slices.Concat(pieces...)
	got := receive(to, len(want))
	for _, b := range pieces {
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	sent.Conn.Close() // nobody reads its farewell
	if b := <-got; !bytes.Equal(b, want) {
		t.Errorf("%d bytes arrived, or others than were written", len(b))
	}
}

// TestALargeFrameGoesAtOnce writes a frame of four records: the system is asked once to
// send them. What fails then, fails the Write.
func TestALargeFrameGoesAtOnce(t *testing.T) {
	from, to, sent := link(t)
	c := Client(from)
	c.frames.left = 0
	var b bytes.Buffer
	if err := http2.NewFramer(&b, nil).WriteData(1, false, make([]byte, 4*maxRecord-frameHead)); err != nil {
		t.Fatal(err)
	}
	got := receive(to, b.Len())
	if n, err := c.Write(b.Bytes()); n != b.Len() || err != nil {
		t.Fatal(n, err)
	}
	if r := <-got; !bytes.Equal(r, b.Bytes()) {
		t.Errorf("%d bytes arrived, want %d", len(r), b.Len())
	}
	if want := b.Len() + 4*22; sent.writes != 1 || sent.bytes != want {
		t.Errorf("%d writes of %d bytes, want 1 of %d", sent.writes, sent.bytes, want)
	}
	sent.Conn.Close()
	if _, err := c.Write(b.Bytes()); err == nil {
		t.Error("a frame was written to a closed connection")
	}
}

// TestCloseEndsAWrite closes a connection while a large frame waits for the other side
// to read.
func TestCloseEndsAWrite(t *testing.T) {
	from, _, sent := link(t)
	c := Client(from)
	c.frames.left = 0
	var b bytes.Buffer
	if err := http2.NewFramer(&b, nil).WriteData(1, false, make([]byte, 4*maxRecord-frameHead)); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	sent.began = make(chan struct{}, 8)
	go func() {
		_, err := c.Write(b.Bytes())
		failed <- err
	}()
	<-sent.began
	c.Close()
	if err := <-failed; err == nil {
		t.Error("what was never read is written")
	}
}

// TestNothingWaitsForEver writes pieces that nothing follows.
func TestNothingWaitsForEver(t *testing.T) {
	pieces := written(t)
	for i, b := range pieces {
		from, to, _ := link(t)
		c := Client(from)
		c.frames.left = 0
		if i == 0 {
			c.frames.left = len(preface)
		}
		got := receive(to, len(b))
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		if r := <-got; !bytes.Equal(r, b) {
			t.Errorf("piece %d: %q arrived, want %q", i, r, b)
		}
	}
}

// TestAnswersWaitOnlyWhereAsked writes the head of an answer, to whom nobody has said
// that it may wait.
func TestAnswersWaitOnlyWhereAsked(t *testing.T) {
	for _, asked := range []bool{false, true} {
		from, to, sent := link(t)
		c := Server(from)
		if asked {
			c.Answers()
			c.waits[head] = time.Hour
		}
		answer := written(t)
		got := receive(to, len(answer[1])+len(answer[3]))
		for _, b := range [][]byte{answer[1], answer[3]} {
			if _, err := c.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		<-got
		if want := map[bool]int{false: 2, true: 1}[asked]; sent.writes != want {
			t.Errorf("asked: %v, %d records, want %d", asked, sent.writes, want)
		}
	}
}

func TestWhatEndsGoesAtOnce(t *testing.T) {
	for _, c := range []struct {
		name  string
		frame func(*http2.Framer) error
		holds bool
	}{
		{"data", func(f *http2.Framer) error { return f.WriteData(1, false, make([]byte, 100)) }, false},
		{"large data", func(f *http2.Framer) error { return f.WriteData(1, false, make([]byte, 16<<10)) }, false},
		{"a request without content", func(f *http2.Framer) error {
			return f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, EndStream: true})
		}, false},
		{"room for more", func(f *http2.Framer) error { return f.WriteWindowUpdate(1, 10) }, false},
		{"ping", func(f *http2.Framer) error { return f.WritePing(false, [8]byte{}) }, false},
		{"the head of a request", func(f *http2.Framer) error {
			return f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true})
		}, true},
		{"settings taken", (*http2.Framer).WriteSettingsAck, true},
	} {
		var b bytes.Buffer
		if err := c.frame(http2.NewFramer(&b, nil)); err != nil {
			t.Fatal(err)
		}
		f := frames{begun: true}
		if wait := f.pass(b.Bytes()); wait != none != c.holds {
			t.Errorf("%s waits: %v", c.name, wait)
		}
	}
}

// TestAnyPiecesArrive writes frames in any pieces.
func TestAnyPiecesArrive(t *testing.T) {
	from, to, _ := link(t)
	c := Server(from)
	c.Answers()
	rapid.Check(t, func(t *rapid.T) {
		var b bytes.Buffer
		f := http2.NewFramer(&b, nil)
		for range rapid.IntRange(1, 6).Draw(t, "frames") {
			var err error
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				err = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: make([]byte, rapid.IntRange(0, 200).Draw(t, "head")), EndHeaders: rapid.Bool().Draw(t, "ends")})
			case 1:
				err = f.WriteData(1, rapid.Bool().Draw(t, "last"), make([]byte, rapid.IntRange(0, 9000).Draw(t, "content")))
			case 2:
				err = f.WriteSettingsAck()
			case 3:
				err = f.WriteWindowUpdate(0, 7)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := f.WriteData(1, true, nil); err != nil {
			t.Fatal(err)
		}
		want := bytes.Clone(b.Bytes())
		got := receive(to, len(want))
		for rest := want; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			if _, err := c.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if b := <-got; !bytes.Equal(b, want) {
			t.Fatalf("%d bytes arrived, want %d", len(b), len(want))
		}
	})
}

// TestAFailureIsToldLater closes the connection under what waits.
func TestAFailureIsToldLater(t *testing.T) {
	from, _, sent := link(t)
	c := Client(from)
	sent.Conn.Close()
	var err error
	for range 1000 {
		if _, err = c.Write([]byte(preface)); err != nil {
			break
		}
	}
	if err == nil {
		t.Error("writing to a closed connection went well a thousand times")
	}
}

package gather

import (
	"bytes"
	"testing"

	"golang.org/x/net/http2"
)

// opening writes what opens a connection, as package http2 does.
func opening(t *testing.T, front string, settings ...http2.Setting) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(front)
	f := http2.NewFramer(&b, nil)
	if err := f.WriteSettings(settings...); err != nil {
		t.Fatal(err)
	}
	if err := f.WriteWindowUpdate(0, 1<<20); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Only settings at their standard values are left out, of both sides, and nothing else.
func TestSettingsThatHoldUnsaid(t *testing.T) {
	window := http2.Setting{ID: http2.SettingInitialWindowSize, Val: 4 << 20}
	push := http2.Setting{ID: http2.SettingEnablePush, Val: 0}
	frame, large := http2.Setting{ID: http2.SettingMaxFrameSize, Val: 16384}, http2.Setting{ID: http2.SettingMaxFrameSize, Val: 65527}
	table := http2.Setting{ID: http2.SettingHeaderTableSize, Val: 4096}
	for _, front := range []string{"", preface} {
		for _, c := range []struct{ said, left []http2.Setting }{
			{[]http2.Setting{push, window, frame}, []http2.Setting{push, window}},
			{[]http2.Setting{large, table, window}, []http2.Setting{large, window}},
			{[]http2.Setting{frame, table}, nil},
			{nil, nil},
		} {
			if got, want := concise(opening(t, front, c.said...)), opening(t, front, c.left...); !bytes.Equal(got, want) {
				t.Errorf("%v: %x, want %x", c.said, got, want)
			}
		}
		whole := opening(t, front, frame)
		for n := range len(whole) - 13 { // the settings cut short
			if got := concise(whole[:n]); !bytes.Equal(got, whole[:n]) {
				t.Errorf("of %d bytes there are %x", n, got)
			}
		}
	}
	if data := []byte{0, 0, 6, 0, 0, 0, 0, 0, 1, 0, 5, 0, 0, 64, 0}; !bytes.Equal(concise(data), data) {
		t.Error("data was changed")
	}
}

// What opens a connection is made concise, and what comes later is not.
func TestOnlyTheOpeningIsConcise(t *testing.T) {
	from, to, _ := link(t)
	c := Server(from)
	frame := http2.Setting{ID: http2.SettingMaxFrameSize, Val: 16384}
	said, left := opening(t, "", frame), opening(t, "")
	got := receive(to, len(left)+len(said))
	for range 2 {
		if n, err := c.Write(said); n != len(said) || err != nil {
			t.Fatal(n, err)
		}
	}
	if b := <-got; !bytes.Equal(b, append(left, said...)) {
		t.Errorf("%x arrived", b)
	}
}

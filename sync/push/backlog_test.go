package push

import "testing"

func TestBacklog(t *testing.T) {
	var b backlog
	b.add(1, 100)
	b.add(2, 50)
	b.sent(1, 30)
	b.sent(9, 1000) // of no file that is in it
	if got := b.with(1, 100); got != 120 {
		t.Errorf("%d bytes, want 120", got)
	}
	if got := b.with(3, 7); got != 127 {
		t.Errorf("%d bytes with another file, want 127", got)
	}
	b.add(1, 60) // it is asked about again
	b.drop(2)
	b.drop(2)
	if got := b.with(1, 100); got != 60 {
		t.Errorf("%d bytes, want 60", got)
	}
	b.sent(1, 1000)
	b.drop(1)
	if got := b.with(3, 0); got != 0 {
		t.Errorf("%d bytes of nothing", got)
	}
}

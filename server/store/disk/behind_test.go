package disk

import (
	"errors"
	"testing"
)

// slowFile is a file whose syncs end when they are let.
type slowFile struct {
	File
	began chan struct{}
	ends  chan error
}

func (f slowFile) Sync() error {
	f.began <- struct{}{}
	return <-f.ends
}

// One sync at a time goes on behind the writer, each of enough, and an error of any is
// told at the end.
func TestBehind(t *testing.T) {
	lost := errors.New("lost")
	f := slowFile{began: make(chan struct{}, 8), ends: make(chan error, 8)}
	b := behind{f: f}
	b.wrote(behindBytes - 1)
	if b.under != nil {
		t.Error("a sync of too little")
	}
	b.wrote(1)
	<-f.began
	b.wrote(behindBytes) // while the first goes on
	b.wrote(behindBytes)
	if len(f.began) != 0 {
		t.Error("two syncs at once")
	}
	f.ends <- lost
	if err := b.wait(); !errors.Is(err, lost) {
		t.Errorf("got %v, want %v", err, lost)
	}
	f.ends <- nil
	b.wrote(1)
	<-f.began
	if err := b.wait(); !errors.Is(err, lost) {
		t.Errorf("after a sync that did well: got %v, want %v", err, lost)
	}
}

package session

import (
	"context"
	"errors"
	"testing"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// While one basis is expanded, others are taken and put back: a rebuild that
// has one in hand must come to its end before the expansion gets its turn.
func TestAViewDoesNotWaitForTheExpansionOfAnother(t *testing.T) {
	s := &session{}
	asked, goOn := make(chan struct{}), make(chan struct{})
	slow := make(chan error)
	go func() {
		_, done, err := s.view(context.Background(), manifest.Digest{1}, func() (store.Blob, error) {
			close(asked)
			<-goOn
			return nil, nil
		})
		if err == nil {
			done()
		}
		slow <- err
	}()
	<-asked
	_, done, err := s.view(context.Background(), manifest.Digest{2}, func() (store.Blob, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	done()
	close(goOn)
	if err := <-slow; err != nil {
		t.Fatal(err)
	}
}

func TestAViewIsTriedAgainByThoseWhoWaitedForIt(t *testing.T) {
	s := &session{}
	failure := errors.New("given up")
	asked, goOn := make(chan struct{}), make(chan struct{})
	first := make(chan error)
	go func() {
		_, _, err := s.view(context.Background(), manifest.Digest{1}, func() (store.Blob, error) {
			close(asked)
			<-goOn
			return nil, failure
		})
		first <- err
	}()
	<-asked
	second := make(chan error)
	go func() {
		_, done, err := s.view(context.Background(), manifest.Digest{1}, func() (store.Blob, error) { return nil, nil })
		if err == nil {
			done()
		}
		second <- err
	}()
	close(goOn)
	if err := <-first; !errors.Is(err, failure) {
		t.Errorf("the one who failed got %v", err)
	}
	if err := <-second; err != nil {
		t.Errorf("the one who waited got %v", err)
	}
}

func TestViewsAreForgottenOldestFirstButNotInUse(t *testing.T) {
	var vs views
	held, _ := vs.enter(manifest.Digest{0})
	vs.made(manifest.Digest{0}, held)
	for i := range 2 * maxViews {
		d := manifest.Digest{1, byte(i), byte(i >> 8)}
		h, first := vs.enter(d)
		if !first {
			t.Fatalf("view %d is there before it was made", i)
		}
		vs.made(d, h)
		vs.put(h)
	}
	if again, first := vs.enter(manifest.Digest{0}); first || again != held {
		t.Error("a view in use was forgotten")
	}
	if len(vs.of) != maxViews || len(vs.order) != maxViews {
		t.Errorf("%d views held, %d in order, want %d", len(vs.of), len(vs.order), maxViews)
	}
	// One large view drives out all but a few.
	large, _ := vs.enter(manifest.Digest{2})
	large.v = &basisView{size: maxViewBytes + 1}
	vs.made(manifest.Digest{2}, large)
	if len(vs.of) != minViews {
		t.Errorf("%d views held beside a large one, want %d", len(vs.of), minViews)
	}
	large.v = nil
	vs.put(large)
	vs.close()
	if len(vs.of) != 1 {
		t.Errorf("%d views held after the end, want the one in use", len(vs.of))
	}
	vs.put(held)
	vs.put(held)
	if len(vs.of) != 0 || len(vs.order) != 0 {
		t.Error("a view outlived its last user")
	}
}

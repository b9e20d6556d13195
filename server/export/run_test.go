package export

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/sync/manifest"
)

var (
	long  = strings.Repeat("long ", 100)
	other = strings.Repeat("other ", 100)
)

// A reader that enters the target sees one version, whole, at any instant.
func TestReadersSeeOneVersion(t *testing.T) {
	s := newFake(t)
	names := []string{"a", "m/n", "z"}
	publish := func(i int) {
		var l []manifest.Entry
		for _, name := range names {
			l = append(l, s.hold("t/"+name, fmt.Sprint(i), 0o644, 0))
		}
		s.publish(l...)
	}
	x, _ := newExporter(t, s, Config{Targets: []manifest.Path{"t"}, Grace: time.Hour})
	publish(0)
	syncOK(t, x)
	done, problem := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(problem)
		for rounds := 0; ; rounds++ {
			select {
			case <-done:
				return
			default:
			}
			if err := readOnce(x.Path("t"), names); err != nil {
				problem <- fmt.Errorf("round %d: %w", rounds, err)
				return
			}
		}
	}()
	for i := 1; i <= 30; i++ {
		publish(i)
		syncOK(t, x)
	}
	close(done)
	if err := <-problem; err != nil {
		t.Error(err)
	}
}

func readOnce(dir string, names []string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	var first []byte
	for i, name := range names {
		b, err := root.ReadFile(name)
		if err != nil {
			return err
		}
		if i == 0 {
			first = b
		}
		if string(b) != string(first) {
			return fmt.Errorf("%q and %q", first, b)
		}
	}
	return nil
}

func TestRun(t *testing.T) {
	s := newFake(t)
	s.publish(s.hold("t/f", "1", 0o644, 0))
	tick := make(chan time.Time)
	pauses := make(chan time.Duration, 3)
	x, _ := newExporter(t, s, Config{Targets: []manifest.Path{"t"}, Grace: time.Hour,
		After: func(d time.Duration) <-chan time.Time { pauses <- d; return tick }})
	ctx, cancel := context.WithCancel(context.Background())
	changed, reports, ended := make(chan struct{}), make(chan Report), make(chan struct{})
	go func() {
		defer close(ended)
		x.Run(ctx, changed, func(r Report, err error) {
			if err != nil {
				t.Error(err)
			}
			reports <- r
		})
	}()
	if r := <-reports; r.Targets != 1 {
		t.Errorf("at once: %+v", r)
	}
	s.publish(s.hold("t/f", "2", 0o644, 0))
	changed <- struct{}{}
	if r := <-reports; r.Targets != 1 {
		t.Errorf("when told: %+v", r)
	}
	tick <- epoch
	if r, pause := <-reports, <-pauses; r.Targets != 0 || pause != time.Hour {
		t.Errorf("after %v: %+v", pause, r)
	}
	cancel()
	<-ended
}

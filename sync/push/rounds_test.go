package push

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pubsync/pubsync/delta"
)

// A round goes for all files together if it is likely to save more than the link carries
// in a round trip, beside what is on its way.
func TestRoundPays(t *testing.T) {
	const far, carries = 100 * time.Millisecond, 2.5e6 // 250 kB in a round trip
	for _, c := range []struct {
		files    int
		airborne int64
		trip     time.Duration
		want     bool
	}{
		{2, 0, far, false},
		{8, 0, far, true},
		{2, 200_000, far, true},
		{2, 0, time.Millisecond, true},
	} {
		p := &pusher{opts: Options{Now: time.Now}}
		p.rate.learn(c.trip, carries)
		p.airborne.Store(c.airborne)
		var ms []*match
		for range c.files {
			b := make([]byte, 50_000)
			r := rand.NewChaCha8([32]byte{1})
			r.Read(b)
			src := delta.Source{ReaderAt: bytes.NewReader(b), Size: int64(len(b))}
			st := &stream{src: src, plan: delta.NewPlan(src, []int64{1}, delta.PlanOptions{}), asked: map[int]delta.BasisRequest{0: {}}}
			ms = append(ms, &match{streams: []*stream{st}})
		}
		if got := (&sender{p: p}).roundPays(ms); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

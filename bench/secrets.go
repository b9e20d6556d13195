package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/pubsync/pubsync/bench/stat"
	"github.com/pubsync/pubsync/server/store/disk"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// secrets measures whether the time of a refusal tells a token that nobody
// issued from one whose secret alone is wrong: the service on a real store, asked
// in random order, without a network to blur it.
func secrets(ctx context.Context, o *options) error {
	dir, remove, err := o.workDir(ctx)
	if err != nil {
		return err
	}
	defer remove()
	st, err := disk.Open(ctx, disk.Options{Dir: filepath.Join(dir, "secrets")})
	if err != nil {
		return err
	}
	defer st.Close()
	s, err := token.New(token.Config{Records: st, Clock: time.Now, Guard: token.Guard{Addresses: 1 << 20}})
	if err != nil {
		return err
	}
	by := token.Scheduler{Name: "bench"}
	if err := s.PutScheduler(ctx, by); err != nil {
		return err
	}
	wrong, unknown, err := guesses(ctx, s, by, pick(o, 2000, 200))
	if err != nil {
		return err
	}
	n := pick(o, 40_000, 4_000)
	var times [2][]float64 // microseconds: wrong, unknown
	for i := range 2 * n {
		which := rand.IntN(2)
		bearer := [][]string{wrong, unknown}[which][rand.IntN(len(wrong))]
		// Each from an address of its own: nobody is slowed down or banned.
		from := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		began := time.Now()
		_, err := s.Admit(ctx, token.Request{Bearer: bearer, From: from})
		took := time.Since(began)
		if !errors.Is(err, token.CodeInvalid) {
			return fmt.Errorf("a guess was answered %w", err)
		}
		times[which] = append(times[which], float64(took)/float64(time.Microsecond))
	}
	z := stat.RankSum(times[0], times[1])
	a, b := stat.Median(times[0]), stat.Median(times[1])
	_, err = fmt.Printf("wrong secret: %d refusals, median %.1f us; unknown token: %d, median %.1f us; difference %+.2f us\n"+
		"rank-sum test: z = %+.2f (beyond +-3 they can be told apart at this many tries)\n", len(times[0]), a, len(times[1]), b, a-b, z)
	return err
}

// guesses makes n tokens with a wrong secret, and n that nobody issued.
func guesses(ctx context.Context, s *token.Service, by token.Scheduler, n int) (wrong, unknown []string, err error) {
	for range n {
		bearer, _, err := s.Issue(ctx, by, token.Grant{Target: "a/1"}, token.IssueOptions{})
		if err != nil {
			return nil, nil, err
		}
		_, accessor, _, err := connect.SplitBearer(bearer)
		if err != nil {
			return nil, nil, err
		}
		wrong = append(wrong, connect.JoinBearer(connect.Token, accessor, connect.NewSessionSecret()))
		unknown = append(unknown, connect.NewBearer(connect.Token))
	}
	return wrong, unknown, nil
}

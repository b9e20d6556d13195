package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/pubsync/pubsync/server/store"
)

var recordTests = []test{
	{"put, get, replace, delete", func(k *kit) {
		k.must(k.Update(ctx, func(tx store.Tx) error {
			k.must(tx.Put("b", "k", []byte("1")))
			k.must(tx.Put("b", "k", []byte("2")))
			k.must(tx.Put("b", "\xff\x00", nil))
			k.must(tx.Put("c", "k", []byte("3")))
			k.must(tx.Delete("b", "none"))
			return tx.Delete("c", "k")
		}))
		k.reopen()
		k.must(k.View(ctx, func(tx store.Tx) error {
			v, err := tx.Get("b", "k")
			k.must(err)
			equal(k, "value", string(v), "2")
			v, err = tx.Get("b", "\xff\x00")
			k.must(err)
			equal(k, "empty value", len(v), 0)
			_, err = tx.Get("c", "k")
			k.want(err, store.ErrNotFound)
			return nil
		}))
	}},
	{"an error rolls back and comes back as it is", func(k *kit) {
		stop := errors.New("stop")
		err := k.Update(ctx, func(tx store.Tx) error {
			k.must(tx.Put("b", "k", nil))
			return stop
		})
		if err != stop {
			k.Fatalf("got %v", err)
		}
		k.must(k.View(ctx, func(tx store.Tx) error {
			_, err := tx.Get("b", "k")
			k.want(err, store.ErrNotFound)
			return nil
		}))
	}},
	{"a panic rolls back", func(k *kit) {
		func() {
			defer func() { recover() }()
			k.Update(ctx, func(tx store.Tx) error {
				k.must(tx.Put("b", "k", nil))
				panic("stop")
			})
		}()
		k.must(k.Update(ctx, func(tx store.Tx) error {
			_, err := tx.Get("b", "k")
			k.want(err, store.ErrNotFound)
			return nil
		}))
	}},
	{"View cannot write", func(k *kit) {
		if err := k.View(ctx, func(tx store.Tx) error { return tx.Put("b", "k", nil) }); err == nil {
			k.Fatal("it could")
		}
	}},
	{"Scan goes through a prefix in order, however much", func(k *kit) {
		k.must(k.Update(ctx, func(tx store.Tx) error {
			for i := range 1000 {
				k.must(tx.Put("b", fmt.Sprintf("p/%04d", i), []byte{byte(i)}))
			}
			k.must(tx.Put("b", "o", nil))
			k.must(tx.Put("b", "p0", nil))
			k.must(tx.Put("b", "p/\xff\xff", nil))
			k.must(tx.Put("b", "\xff\xff", nil))
			return tx.Put("a", "p/x", nil)
		}))
		k.must(k.View(ctx, func(tx store.Tx) error {
			for prefix, want := range map[string]int{"p/": 1001, "p/00": 100, "": 1004, "\xff": 1, "zz": 0} {
				var keys []string
				k.must(tx.Scan("b", prefix, func(key string, v []byte) bool {
					if len(keys) > 0 && keys[len(keys)-1] >= key || !strings.HasPrefix(key, prefix) {
						k.Fatalf("%q out of place", key)
					}
					keys = append(keys, key)
					return true
				}))
				equal(k, prefix, len(keys), want)
			}
			n := 0
			k.must(tx.Scan("b", "p", func(string, []byte) bool { n++; return n < 3 }))
			equal(k, "stopped", n, 3)
			return nil
		}))
	}},
	{"updates at once do not lose each other", func(k *kit) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 5 {
					err := k.Update(ctx, func(tx store.Tx) error {
						v, err := tx.Get("b", "count")
						if err != nil && !isErr(err, store.ErrNotFound) {
							return err
						}
						return tx.Put("b", "count", append(v, 'x'))
					})
					if err != nil {
						k.Error(err)
					}
				}
			})
		}
		wg.Wait()
		k.must(k.View(ctx, func(tx store.Tx) error {
			v, err := tx.Get("b", "count")
			equal(k, "count", len(v), 40)
			return err
		}))
	}},
}

package token

import "container/list"

// An lru is a map that holds at most max keys and forgets the one used longest
// ago. It is not safe for concurrent use.
type lru[K comparable, V any] struct {
	max   int
	order *list.List // of *pair, most recently used first
	at    map[K]*list.Element
}

type pair[K comparable, V any] struct {
	key   K
	value V
}

func newLRU[K comparable, V any](max int) *lru[K, V] {
	return &lru[K, V]{max: max, order: list.New(), at: make(map[K]*list.Element)}
}

func (l *lru[K, V]) get(k K) (V, bool) {
	e, ok := l.at[k]
	if !ok {
		var zero V
		return zero, false
	}
	l.order.MoveToFront(e)
	return e.Value.(*pair[K, V]).value, true
}

func (l *lru[K, V]) put(k K, v V) {
	if e, ok := l.at[k]; ok {
		e.Value.(*pair[K, V]).value = v
		l.order.MoveToFront(e)
		return
	}
	l.at[k] = l.order.PushFront(&pair[K, V]{k, v})
	if l.order.Len() > l.max {
		last := l.order.Back()
		delete(l.at, last.Value.(*pair[K, V]).key)
		l.order.Remove(last)
	}
}

func (l *lru[K, V]) each(f func(K, V)) {
	for e := l.order.Front(); e != nil; e = e.Next() {
		p := e.Value.(*pair[K, V])
		f(p.key, p.value)
	}
}

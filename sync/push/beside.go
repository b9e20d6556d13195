package push

import "context"

// hashWindows hashes the windows that cut returns until there is none, and gives them on in
// their order. One file keeps one core busy: beside a window of one the next is hashed. Of
// others the next waits until it has been given on, as what it keeps of their content is
// bounded. It returns the first error of hash or give, and when nothing is hashed any more.
func hashWindows(ctx context.Context, cut func() (window, bool), hash func(context.Context, *window) error, give func(*window) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var before *hashing
	defer func() {
		cancel()
		before.wait()
	}()
	for {
		w, more := cut()
		var now *hashing
		if more {
			now = beginHashing(ctx, &w, hash)
		}
		err := before.give(give)
		if before = now; err != nil || !more {
			return err
		}
		if len(w.indices) == 1 {
			continue
		}
		if err := before.give(give); err != nil {
			return err
		}
		before = nil
	}
}

// A hashing is a window that is being hashed, or was.
type hashing struct {
	window *window
	over   chan struct{} // closed when it is hashed
	err    error         // then, how that ended
}

func beginHashing(ctx context.Context, w *window, hash func(context.Context, *window) error) *hashing {
	h := &hashing{window: w, over: make(chan struct{})}
	go func() {
		defer close(h.over)
		h.err = hash(ctx, w)
	}()
	return h
}

// wait waits until a window is hashed, if there is one, and returns how that ended.
func (h *hashing) wait() error {
	if h == nil {
		return nil
	}
	<-h.over
	return h.err
}

// give gives a window on, if there is one, once it is hashed.
func (h *hashing) give(to func(*window) error) error {
	if err := h.wait(); err != nil || h == nil {
		return err
	}
	return to(h.window)
}

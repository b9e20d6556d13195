package files

import "net/http"

type cache struct{}

func newCache(int) *cache { return &cache{} }

type encoders struct{}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) error { return ErrMethod }

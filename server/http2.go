package server

import (
	"context"
	"crypto/tls"
	"net/http"

	"golang.org/x/net/http2"

	"github.com/pubsync/pubsync/sync/wire/gather"
)

// SpeakHTTP2 has a server speak HTTP/2, as its HTTP2 field says, over connections that
// gather what it writes. Package net/http itself, of which this is the same
// implementation, takes no connection but a [*tls.Conn]: of what package http2 calls
// deprecated in its favour, this has no successor there. It is to be called once, before
// the server serves.
func SpeakHTTP2(s *http.Server) error {
	h2 := &http2.Server{}
	if err := http2.ConfigureServer(s, h2); err != nil {
		return err
	}
	s.TLSNextProto[http2.NextProtoTLS] = func(s *http.Server, c *tls.Conn, h http.Handler) {
		ctx := context.Background()
		if b, ok := h.(interface{ BaseContext() context.Context }); ok {
			ctx = b.BaseContext()
		}
		conn := gather.Server(c)
		h2.ServeConn(conn, &http2.ServeConnOpts{Context: gather.NewContext(ctx, conn), Handler: h, BaseConfig: s})
	}
	return nil
}

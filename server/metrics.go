package server

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/pubsync/pubsync/sync/wire"
)

// Metrics counts what happens for Prometheus. It implements the Counters of
// package token and is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	events   *prometheus.CounterVec
	requests *prometheus.CounterVec
}

// NewMetrics returns metrics that stand at zero.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pubsync_events_total", Help: "What happened to tokens, sessions and publications; label is a scheduler, a code or a kind.",
		}, []string{"event", "label"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pubsync_requests_total", Help: "HTTP requests by method and status.",
		}, []string{"method", "status"}),
	}
	m.registry.MustRegister(m.events, m.requests)
	return m
}

// Add counts an event of package token.
func (m *Metrics) Add(name, label string, n int64) {
	m.events.WithLabelValues(name, label).Add(float64(n))
}

// metrics answers GET /metrics to those who may ask.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request) error {
	if s.cfg.Metrics == nil || !contains(s.cfg.MetricsFrom, s.source(r)) {
		return wire.Errorf(wire.CodeNotFound, "nothing is served at this address")
	}
	promhttp.HandlerFor(s.cfg.Metrics.registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	return nil
}

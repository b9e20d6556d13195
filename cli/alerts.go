//go:build (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (darwin && (amd64 || arm64)) || (windows && (386 || amd64 || arm64)) || (freebsd && (amd64 || arm64))

package cli

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"

	"github.com/pubsync/pubsync/cli/config"
	"github.com/pubsync/pubsync/server/token"
)

// alerts writes alerts to the server's log and posts them to a webhook. An
// alert that finds too many waiting is in the log only.
type alerts struct {
	log    *slog.Logger
	url    string
	client *http.Client
	queue  chan token.Alert
	wg     sync.WaitGroup
}

// waiting is how many alerts may wait for the webhook.
const waiting = 100

func newAlerts(log *slog.Logger, c config.Alerts) *alerts {
	a := &alerts{log: log, url: c.Webhook, client: &http.Client{Timeout: c.Timeout.D()}, queue: make(chan token.Alert, waiting)}
	if a.url != "" {
		a.wg.Go(a.post)
	}
	return a
}

// Alert implements [token.Alerter].
func (a *alerts) Alert(al token.Alert) {
	a.log.Warn("alert", "kind", al.Kind, "accessor", al.Accessor, "scheduler", al.Scheduler, "from", al.From,
		"target", string(al.Target), "text", al.Text)
	if a.url == "" {
		return
	}
	select {
	case a.queue <- al:
	default:
		a.log.Warn("alert not posted: too many are waiting for the webhook")
	}
}

func (a *alerts) post() {
	for al := range a.queue {
		b, err := json.Marshal(al)
		if err != nil {
			a.log.Error("alert not coded", "error", err)
			continue
		}
		resp, err := a.client.Post(a.url, "application/json", bytes.NewReader(b))
		if err != nil {
			a.log.Error("alert not posted", "error", err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode/100 != 2 {
			a.log.Error("alert not taken by the webhook", "status", resp.Status)
		}
	}
}

// close posts what is waiting. No alert may come any more.
func (a *alerts) close() {
	close(a.queue)
	a.wg.Wait()
}

package cli

import (
	"context"
	"encoding/json"

	"github.com/pubsync/pubsync/server/upkeep"
	"github.com/pubsync/pubsync/sync/remote"
)

// served maintains a store through the server that has it open.
type served struct{ client *remote.Client }

func (s served) Collect(ctx context.Context, dryRun bool) (r upkeep.Report, err error) {
	err = s.client.PostJSON(ctx, "/v1/admin/collect", map[string]bool{"dry_run": dryRun}, &r)
	return r, err
}

func (s served) Check(ctx context.Context, o upkeep.CheckOptions, f func(upkeep.Line) error) error {
	return s.client.PostLines(ctx, "/v1/admin/check", o, func(raw json.RawMessage) error {
		var l upkeep.Line
		if err := json.Unmarshal(raw, &l); err != nil {
			return err
		}
		return f(l)
	})
}

func (s served) Backup(ctx context.Context, dir string) (lacking int, err error) {
	var b upkeep.Backup
	err = s.client.PostJSON(ctx, "/v1/admin/backup", map[string]string{"dir": dir}, &b)
	return b.Lacking, err
}

func (s served) Close() error {
	s.client.Close()
	return nil
}

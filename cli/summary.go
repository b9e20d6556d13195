package cli

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/pubsync/pubsync/cli/progress"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/push"
	"github.com/pubsync/pubsync/sync/remote"
	"github.com/pubsync/pubsync/sync/wire"
)

// A summary is the JSON object at the end of a push.
type summary struct {
	Status       string            `json:"status"`      // "published", "unchanged" or "dry-run"
	Publication  int64             `json:"publication"` // 0 for a dry run
	Target       manifest.Path     `json:"target"`
	URL          string            `json:"url,omitempty"`
	Files        int               `json:"files"` // files and symlinks pushed, changed or not
	Bytes        int64             `json:"bytes"` // of all files
	FilesSent    int64             `json:"files_sent"`
	FilesDelta   int64             `json:"files_delta"`
	FilesLinked  int64             `json:"files_linked"`
	FilesRemoved int               `json:"files_removed"`
	Sent         int64             `json:"sent_bytes"`     // at the socket, TLS included
	Received     int64             `json:"received_bytes"` // likewise
	Requests     int64             `json:"requests"`
	Seconds      float64           `json:"seconds"`
	Methods      map[string]method `json:"methods"`
}

type method = push.Method

func summarize(r push.Result, s remote.Stats, seconds float64) summary {
	sum := summary{
		Status: r.Status, Target: r.Target, Files: r.Files, Bytes: r.Bytes,
		FilesSent: r.Whole.Files, FilesDelta: r.Delta.Files + r.Archive.Files, FilesLinked: r.Linked.Files, FilesRemoved: r.FilesRemoved,
		Sent: s.Sent, Received: s.Received, Requests: s.Requests, Seconds: seconds,
		Methods: map[string]method{"whole": r.Whole, "delta": r.Delta, "archive": r.Archive, "linked": r.Linked},
	}
	if r.Receipt != nil {
		sum.Publication, sum.URL = r.Receipt.Publication, r.Receipt.URL
	}
	return sum
}

func (f *transferFlags) report(env *Env, r push.Result, s remote.Stats, seconds float64) error {
	sum := summarize(r, s, seconds)
	if f.json {
		return json.NewEncoder(env.Stdout).Encode(sum)
	}
	if f.quiet {
		return nil
	}
	switch r.Status {
	case "unchanged":
		fmt.Fprintf(env.Stdout, "unchanged: %s is as it was published in %d\n", progress.Escape(r.Target), sum.Publication)
	case "dry-run":
		fmt.Fprintf(env.Stdout, "dry run for %s: %s would be sent, %d as deltas, %d linked\n",
			progress.Escape(r.Target), count(sum.FilesSent, "file"), sum.FilesDelta, sum.FilesLinked)
	default:
		fmt.Fprintf(env.Stdout, "published %s as publication %d: %s, %s\n", progress.Escape(r.Target), sum.Publication, count(int64(sum.Files), "file"), wire.Bytes(sum.Bytes))
		if sum.URL != "" {
			fmt.Fprintf(env.Stdout, "%s\n", sum.URL)
		}
	}
	if f.stats || f.verbose > 0 {
		printStats(env.Stdout, sum)
	}
	return nil
}

// count writes a number of things.
func count(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func printStats(w io.Writer, s summary) {
	for _, name := range []string{"whole", "delta", "archive", "linked"} {
		if m := s.Methods[name]; m.Files > 0 || m.Sent > 0 {
			fmt.Fprintf(w, "%-8s %s of %s, %s sent, %s saved\n", name+":", count(m.Files, "file"), wire.Bytes(m.Bytes), wire.Bytes(m.Sent), wire.Bytes(m.Saved))
		}
	}
	fmt.Fprintf(w, "removed: %d\n", s.FilesRemoved)
	fmt.Fprintf(w, "sent %s, received %s in %d requests and %.2f s\n", wire.Bytes(s.Sent), wire.Bytes(s.Received), s.Requests, s.Seconds)
}

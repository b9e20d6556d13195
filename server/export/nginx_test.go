package export

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/nginxtest"
	"github.com/pubsync/pubsync/sync/manifest"
)

// TestNginxServesTheExport reads an export through nginx, by a build's own name and
// by the alias, before and after the alias moves.
func TestNginxServesTheExport(t *testing.T) {
	s := newFake(t)
	one, two := s.hold("p/1/odd name+%", long, 0o644, time.Hour), s.hold("p/2/odd name+%", other, 0o644, time.Hour)
	s.publish(one, link("p/latest", "1"))
	x, _ := newExporter(t, s, Config{Targets: []manifest.Path{"p"}, Grace: time.Hour})
	syncOK(t, x)
	url := nginxtest.Start(t, nginxtest.Site{Rules: "root " + x.Path("") + "; location /.versions { return 404; }"})
	get := func(path string, status int, want string) {
		t.Helper()
		resp, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != status || status == 200 && string(body) != want {
			t.Errorf("%s: %d, %d bytes, %v", path, resp.StatusCode, len(body), err)
		}
		if at := resp.Header.Get("Last-Modified"); status == 200 && at != one.ModTime().Format(http.TimeFormat) {
			t.Errorf("%s: last modified %s", path, at)
		}
	}
	get("/p/1/odd%20name+%25", 200, long)
	get("/p/latest/odd%20name+%25", 200, long)
	get("/p/2/odd%20name+%25", 404, "")
	s.publish(one, two, link("p/latest", "2"))
	syncOK(t, x)
	get("/p/latest/odd%20name+%25", 200, other)
	get("/p/1/odd%20name+%25", 200, long)
	get("/.versions/", 404, "")
}

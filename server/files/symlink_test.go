package files

import (
	"encoding/json"
	"testing"
)

func TestSymlinks(t *testing.T) {
	s := newFake()
	target := s.hold("pub/42/image.bin", "image")
	target.Mode, target.MTime = 0o600, 5e9
	s.publish(target,
		link("pub/latest", "42"), link("pub/42/same", "image.bin"), link("pub/42/dotted", "./.././42//image.bin"),
		link("pub/chain", "latest/same"), link("pub/42/up", "../../pub/latest/image.bin"),
		link("abs", "/etc/passwd"), link("absin", "/pub/42/image.bin"), link("out", "../x"), link("pub/deepout", "42/../../../pub/42/image.bin"),
		link("loop", "loop"), link("ping", "pong"), link("pong", "ping"), link("dangling", "nowhere"),
		link("through", "pub/42/image.bin/x"), link("slash", "pub/42/image.bin/"), link("root", "."), link("r%c3 t", "pub/a:b%"),
	)
	h := New(Config{Store: s})
	for _, path := range []string{
		"pub/latest/image.bin", "pub/42/same", "pub/42/dotted", "pub/chain", "pub/42/up", "root/pub/chain", "root/root/pub/latest/up",
	} {
		resp, body := get(t, h, "/files/"+path)
		if resp.StatusCode != 200 || body != "image" || resp.Header.Get("X-Pubsync-Mode") != "0600" ||
			resp.Header.Get("X-Pubsync-Mtime") != "5000000000" {
			t.Errorf("%s: %d %q %v", path, resp.StatusCode, body, resp.Header)
		}
	}
	for _, path := range []string{
		"abs", "absin", "out", "pub/deepout", "loop", "ping", "dangling", "through", "slash", "loop/x", "abs/x", "out/pub",
		"pub/latest/none", "pub/42/same/", "root/none",
	} {
		if resp, body := get(t, h, "/files/"+path); resp.StatusCode != 404 {
			t.Errorf("%s: %d %q, want 404", path, resp.StatusCode, body)
		}
	}
	resp, _ := get(t, h, "/files/pub/42/up")
	if k, l := resp.Header.Get("X-Pubsync-Kind"), resp.Header.Get("X-Pubsync-Link"); k != "symlink" || l != "..%2F..%2Fpub%2Flatest%2Fimage.bin" {
		t.Errorf("kind %q, link %q", k, l)
	}
	resp, _ = get(t, h, "/files/pub/latest/image.bin")
	if k, l := resp.Header.Get("X-Pubsync-Kind"), resp.Header.Get("X-Pubsync-Link"); k != "file" || l != "" {
		t.Errorf("below a link: kind %q, link %q", k, l)
	}
	resp, _ = get(t, h, "/files/pub/latest")
	if resp.StatusCode != 301 || resp.Header.Get("Location") != "./latest/" {
		t.Errorf("link to a directory: %d %q", resp.StatusCode, resp.Header.Get("Location"))
	}
	resp, _ = get(t, h, "/files/pub/latest/")
	if k, l := resp.Header.Get("X-Pubsync-Kind"), resp.Header.Get("X-Pubsync-Link"); resp.StatusCode != 200 || k != "directory" && k != "symlink" || l != "42" {
		t.Errorf("listing through a link: %d, kind %q, link %q", resp.StatusCode, k, l)
	}
}

func TestJSONShowsLinksThemselves(t *testing.T) {
	s := newFake()
	s.publish(link("a/abs", "/etc/pass wd\xff"), s.hold("a/f", "x"))
	h := New(Config{Store: s})
	resp, body := get(t, h, "/files/a/abs?format=json")
	wantStatus(t, resp, 200)
	want := `{"name":"abs","url":"/files/a/abs","kind":"symlink","mode":"0777","size":0,"mtime_ns":1772600767000000089,"link":"%2Fetc%2Fpass%20wd%FF"}`
	if body != want+"\n" {
		t.Errorf("got  %swant %s", body, want)
	}
	var e Entry
	if _, body := get(t, h, "/files/a/f?format=json"); json.Unmarshal([]byte(body), &e) != nil || e.Digest != file("a/f", "x").Digest {
		t.Errorf("file as JSON: %s", body)
	}
	for _, url := range []string{"/files/a/abs/?format=json", "/files/a/f/?format=json", "/files/a/none?format=json"} {
		if resp, _ := get(t, h, url); resp.StatusCode != 404 {
			t.Errorf("%s: %d", url, resp.StatusCode)
		}
	}
}

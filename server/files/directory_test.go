package files

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

func TestSlashIsAddedRelatively(t *testing.T) {
	s := newFake()
	s.publish(s.hold("a:b/c d/f", "x"), s.hold("p%q/f", "y"))
	h := New(Config{Store: s})
	for target, want := range map[string]string{
		"/files": "./files/", "/files/a:b": "./a:b/", "/files/a:b/c%20d": "./c%20d/", "/files/p%25q?at=1": "./p%25q/?at=1",
		"/files//evil.example/..": "", "/files/absent": "",
	} {
		resp, _ := get(t, h, target)
		if got := resp.Header.Get("Location"); got != want || want != "" && resp.StatusCode != 301 {
			t.Errorf("%s: %d to %q, want %q", target, resp.StatusCode, got, want)
		}
	}
}

// list reads a directory's JSON page by page.
func list(t *testing.T, h *Handler, dir string) (entries []Entry, pages int) {
	t.Helper()
	for query := "?format=json"; query != ""; pages++ {
		resp, body := get(t, h, dir+query)
		wantStatus(t, resp, 200)
		var l Listing
		if err := json.Unmarshal([]byte(body), &l); err != nil {
			t.Fatal(err)
		}
		entries = append(entries, l.Entries...)
		query = l.Next
	}
	return entries, pages
}

func TestListingPages(t *testing.T) {
	s := newFake()
	var all, want []manifest.Entry
	for i := range 3500 {
		e := s.hold(fmt.Sprintf("dir/%04d&+%c", i, 'a'+i%3), fmt.Sprint(i))
		all = append(all, e)
		if i%2 == 0 {
			want = append(want, e)
		}
	}
	s.publish(all...)
	h := New(Config{Store: s, Sight: func(_ *http.Request) store.Sight {
		return func(p manifest.Path) bool { return p == "dir" || (p[len("dir/")+3]-'0')%2 == 0 }
	}})
	entries, pages := list(t, h, "/files/dir/")
	if pages != 2 {
		t.Errorf("%d pages", pages)
	}
	if len(entries) != len(want) {
		t.Fatalf("%d entries, want %d", len(entries), len(want))
	}
	for i := range want {
		if entries[i].Name != want[i].Path.Base() || entries[i].Digest != want[i].Digest {
			t.Fatalf("entry %d is %+v, want %+v", i, entries[i], want[i])
		}
	}
	// The page for people has the same entries, in the same steps.
	_, page := get(t, h, "/files/dir/")
	if n := strings.Count(page, "<tr><td"); n != PageSize {
		t.Errorf("%d rows on the page", n)
	}
	if !strings.Contains(page, `href="./?after=`+url.QueryEscape(want[PageSize-1].Path.Base())+`"`) {
		t.Error("no link to the next page")
	}
	for _, bad := range []string{"after=a/b", "after=..", "after=%00", "format=xml", "format=list", "at=x", "%zz=1", "a;b=1"} {
		if resp, _ := get(t, h, "/files/dir/?"+bad); resp.StatusCode != 400 {
			t.Errorf("?%s: %d, want 400", bad, resp.StatusCode)
		}
	}
}

func TestListingURLsAreExact(t *testing.T) {
	names := []string{"a+b", "c:d", "~e", "f%2Fg", "h i", "j\xff\xfe", "k?l#m", "<n>&'\"", "ö", "o;p,q", "\u202exe.txt"}
	s := newFake()
	var all []manifest.Entry
	for _, n := range names {
		all = append(all, s.hold("dir/"+n, n))
	}
	s.publish(all...)
	h := New(Config{Store: s})
	entries, _ := list(t, h, "/files/dir/")
	if len(entries) != len(names) {
		t.Fatalf("%d entries", len(entries))
	}
	_, page := get(t, h, "/files/dir/")
	for _, e := range entries {
		resp, body := get(t, h, e.URL)
		if resp.StatusCode != 200 || file("dir/"+body, body).Digest != e.Digest {
			t.Errorf("%s: %d %q", e.URL, resp.StatusCode, body)
		}
		base, err := url.PathUnescape(e.URL[len("/files/dir/"):])
		if err != nil || base != body {
			t.Errorf("%s is not exact: %q, %v", e.URL, base, err)
		}
	}
	for _, bad := range []string{"<n>", "\u202e", "\xff"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q as it is", bad)
		}
	}
}

func TestRecursiveList(t *testing.T) {
	s := newFake()
	s.publish(s.hold("a/b.c", "1"), s.hold("a/b/d", "2"), s.hold("a/b/\xff", "3"), link("a/l", "/x"), s.hold("z", "4"), s.hold("a/hide/x", "5"))
	h := New(Config{Store: s, Sight: hiding("a/hide")})
	s.publish()
	var want manifest.List
	for _, e := range s.trees[1] {
		if rel, ok := e.Path.Rel("a"); ok && rel != "" && !e.Path.Within("a/hide") {
			e.Path = rel
			want = append(want, e)
		}
	}
	for _, path := range []string{"/files/a", "/files/a/"} {
		for _, coding := range []string{"", "gzip, br", "zstd;q=0", "gzip, zstd;q=0.5", "ZSTD"} {
			resp := do(t, h, "GET", path+"?format=list&recursive=1&at=1", "Accept-Encoding", coding)
			wantStatus(t, resp, 200)
			body := resp.Body
			if zipped := resp.Header.Get("Content-Encoding") == "zstd"; zipped != (coding == "ZSTD" || coding == "gzip, zstd;q=0.5") {
				t.Errorf("%q gives %v", coding, resp.Header)
			} else if zipped {
				dec, err := zstd.NewReader(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				body = dec.IOReadCloser()
			}
			b, err := io.ReadAll(body)
			if err != nil {
				t.Fatal(err)
			}
			v, l, err := wire.ParseTree(b, 100)
			if err != nil || v != 1 {
				t.Fatalf("version %d, error %v", v, err)
			}
			if diff := cmp.Diff(want, l); diff != "" {
				t.Error(diff)
			}
		}
	}
	small := New(Config{Store: s, MaxList: 4})
	if resp, _ := get(t, small, "/files/a/?format=list&recursive=1&at=1"); resp.StatusCode != 413 {
		t.Errorf("a list over the limit: %d", resp.StatusCode)
	}
	if resp, _ := get(t, h, "/files/a/b.c?format=list&recursive=1&at=1"); resp.StatusCode != 400 {
		t.Errorf("a file as a list: %d", resp.StatusCode)
	}
	if resp, body := get(t, h, "/files/?format=list&recursive=1"); resp.StatusCode != 200 || body != string(wire.AppendTree(nil, 2, nil)) {
		t.Errorf("an empty tree: %d %q", resp.StatusCode, body)
	}
}

package web

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// fakeTree has publications 1..n, to the targets in turn.
type fakeTree struct {
	types   []string
	targets []manifest.Path
	n       int
	scanned int
}

func (f *fakeTree) ReadDir(_ context.Context, dir manifest.Path, _ store.Version, after string, limit int) ([]manifest.Entry, error) {
	var l []manifest.Entry
	for _, name := range f.types {
		l = append(l, manifest.Entry{Path: dir.Join(manifest.Path(name)), Kind: manifest.Dir})
	}
	return l, nil
}

func (f *fakeTree) Log(_ context.Context, target manifest.Path, before store.Version, limit int) ([]store.Publication, error) {
	var pubs []store.Publication
	if before == 0 {
		before = store.Version(f.n) + 1
	}
	for i := before - 1; i > 0 && len(pubs) < limit; i-- {
		to := f.targets[int(i)%len(f.targets)]
		if to.Within(target) {
			f.scanned++
			pubs = append(pubs, store.Publication{Number: i, Target: to, Time: time.Unix(1e9, 0), Added: int(i)})
		}
	}
	return pubs, nil
}

func get(t *testing.T, h http.HandlerFunc, url string) (*http.Response, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h(w, httptest.NewRequest("GET", url, nil))
	return w.Result(), w.Body.String()
}

// The page's policy allows exactly the style that is in it, and nothing that
// would be fetched.
func TestPageIsSelfContained(t *testing.T) {
	s := New(Config{Tree: &fakeTree{types: []string{"a"}, targets: []manifest.Path{"a/1"}, n: 3}})
	for _, h := range []http.HandlerFunc{s.Front, s.Publications} {
		resp, body := get(t, h, "/log/a")
		style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(body)
		if style == nil {
			t.Fatal("no style")
		}
		sum := sha256.Sum256([]byte(style[1]))
		policy := resp.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
			t.Errorf("policy %q does not fit the style", policy)
		}
		if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "script-src") {
			t.Errorf("policy %q", policy)
		}
		for _, no := range []string{"<script", "src=", "http:", "https:", "@import", "url("} {
			if strings.Contains(body, no) {
				t.Errorf("the page holds %q", no)
			}
		}
	}
}

var (
	tags = regexp.MustCompile(`<[^>]*>`)
	refs = regexp.MustCompile(`href="([^"]*)"`)
)

// Whatever a name holds, the page has the same tags as with a harmless name,
// shows no character that acts, and its link leads to exactly that name.
func TestNamesAreEscaped(t *testing.T) {
	s := New(Config{})
	render := func(name, link string) (string, error) {
		var b strings.Builder
		err := s.Directory(&b, Directory{Path: manifest.Path("dir/" + name), Version: 3, Pinned: true, After: name, More: true,
			Entries: []manifest.Entry{
				{Path: manifest.Path("dir/" + name + "/" + name), Kind: manifest.File, Size: 1},
				{Path: manifest.Path("dir/" + name + "/l"), Kind: manifest.Symlink, Link: link},
			}})
		return b.String(), err
	}
	shape := func(page string) string {
		return refs.ReplaceAllString(strings.Join(tags.FindAllString(page, -1), "\n"), "href")
	}
	harmless, err := render("x", "y")
	if err != nil {
		t.Fatal(err)
	}
	check := func(fatalf func(string, ...any), name string) {
		link := name
		name = strings.ReplaceAll(name, "/", "")
		page, err := render(name, link)
		if err != nil {
			fatalf("%q: %v", name, err)
		}
		if shape(page) != shape(harmless) {
			fatalf("%q changes the page: %s", name, page)
		}
		if strings.ContainsAny(page, "\x1b\x00\u202e\u2066\u0085\ufffd") {
			fatalf("%q: a character that acts is on the page: %q", name, page)
		}
		want := "./" + url.PathEscape(name) + "?at=3"
		for _, m := range refs.FindAllStringSubmatch(page, -1) {
			if html.UnescapeString(m[1]) == want {
				return
			}
		}
		fatalf("%q: no link %s on %s", name, want, page)
	}
	for _, name := range []string{
		"<script>alert(1)</script>", `"onmouseover="alert(1)`, "'><img src=x>", "javascript:alert(1)", "data:text/html,x",
		"&lt;", "{{.}}", "</style><b>", "<!--", "a\u202egnp.exe", "\xff\xfe", "+ %2e?#&=;:@", "\x1b]0;x\x07",
	} {
		check(t.Fatalf, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		check(t.Fatalf, string(rapid.SliceOfN(rapid.Byte().Filter(func(c byte) bool { return c != '/' }), 1, 12).Draw(t, "name")))
	})
}

func TestPublicationsPages(t *testing.T) {
	tree := &fakeTree{targets: []manifest.Path{"pub/a", "hidden/b", "pub/c"}, n: 900}
	s := New(Config{Tree: tree, Sight: func(*http.Request) store.Sight {
		return func(p manifest.Path) bool { return !p.Within("hidden") }
	}})
	seen := map[string]bool{}
	pages := 0
	for url := "/log/"; url != ""; pages++ {
		_, body := get(t, s.Publications, url)
		if strings.Contains(body, "hidden") {
			t.Fatal("a hidden target is shown")
		}
		for _, m := range regexp.MustCompile(`publication (\d+)"`).FindAllStringSubmatch(body, -1) {
			seen[m[1]] = true
		}
		url = ""
		if m := regexp.MustCompile(`href="([^"]*)" rel="next"`).FindStringSubmatch(body); m != nil {
			url = m[1]
		}
	}
	if len(seen) != 600 || pages != 6 {
		t.Errorf("%d publications on %d pages, want 600 on 6", len(seen), pages)
	}
	for url, want := range map[string]int{
		"/log/hidden": 404, "/log/absent": 404, "/log/pub": 200, "/log/pub/": 200, "/log": 200, "/logs": 404,
		"/log/..%2fx": 400, "/log/a//b": 400, "/log/pub?before=0": 400, "/log/pub?before=x": 400, "/log/pub?before=2": 404,
	} {
		if resp, _ := get(t, s.Publications, url); resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", url, resp.StatusCode, want)
		}
	}
}

// However many publications are hidden, one page reads a bounded number.
func TestHiddenPublicationsAreNotScannedForEver(t *testing.T) {
	tree := &fakeTree{targets: []manifest.Path{"hidden/b"}, n: 1_000_000}
	s := New(Config{Tree: tree, Sight: func(*http.Request) store.Sight {
		return func(p manifest.Path) bool { return false }
	}})
	get(t, s.Publications, "/log/")
	if tree.scanned > 200*maxLogScans {
		t.Errorf("%d publications read", tree.scanned)
	}
}

func TestFront(t *testing.T) {
	tree := &fakeTree{types: []string{"hidden", "new", "o+s"}, targets: []manifest.Path{"o+s/1:2", "hidden/x"}, n: 40}
	s := New(Config{Tree: tree, Title: "Our builds", Sight: func(*http.Request) store.Sight {
		return func(p manifest.Path) bool { return !p.Within("hidden") }
	}})
	resp, body := get(t, s.Front, "/")
	if resp.StatusCode != 200 || strings.Contains(body, "hidden") || strings.Count(body, `class="num"><a`) != frontRows {
		t.Errorf("%d: %s", resp.StatusCode, body)
	}
	for _, want := range []string{"<title>Our builds", "/files/o&#43;s/1:2/?at=40", "2001-09-09 01:46", "No publications yet"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q on the front page", want)
		}
	}
	_, empty := get(t, New(Config{Tree: &fakeTree{targets: []manifest.Path{"x"}}}).Front, "/")
	if !strings.Contains(empty, "Nothing has been published yet") {
		t.Error(empty)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 10_188: "9.9 KiB", 10_190: "10 KiB",
		1<<20 - 513: "1023 KiB", 1<<20 - 1: "1.0 MiB", 5 << 30: "5.0 GiB", 1 << 50: "1.0 PiB",
	} {
		if got := Size(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestDisplay(t *testing.T) {
	for name, want := range map[string]string{
		"plain ü": "plain ü", "\xff": `\xff`, "a\u202eb": `a\u202eb`, "\x1b[m": `\u001b[m`, "\u200b": `\u200b`, "\ufffd": "\ufffd",
		"\U000e0041": `\u{e0041}`,
	} {
		if got := Display(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

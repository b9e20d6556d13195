package corpus

import (
	"regexp"
	"testing"
)

// The tables hold what the benchmark needs: whole digests, no file twice, and at
// least 20 pairs, a dozen of them held out.
func TestTable(t *testing.T) {
	hex := regexp.MustCompile(`^[0-9a-f]{64}$`)
	files, digests := map[string]bool{}, map[string]bool{}
	for _, r := range append(Releases(), HeldOut()...) {
		if !hex.MatchString(r.SHA256) {
			t.Errorf("%v: no SHA-256 but %q", r, r.SHA256)
		}
		if files[r.File()] || digests[r.SHA256] {
			t.Errorf("%v: is there twice", r)
		}
		files[r.File()], digests[r.SHA256] = true, true
	}
	if n := len(Pairs()); n < 20 || 2*n != len(Releases()) {
		t.Errorf("%d releases make %d pairs, want each in one pair and 20 pairs", len(Releases()), n)
	}
}

func TestHeldOut(t *testing.T) {
	if n := len(HeldOutPairs()); n < 12 || 2*n != len(HeldOut()) {
		t.Errorf("%d releases make %d pairs, want each in one pair and 12 pairs", len(HeldOut()), n)
	}
}

func TestFileNames(t *testing.T) {
	for want, r := range map[string]Release{
		"angular-core-19.1.0.tgz":        {Kind: NPM, Name: "@angular/core", Version: "19.1.0"},
		"golang.org-x-tools-v0.30.0.zip": {Kind: GoModule, Name: "golang.org/x/tools", Version: "v0.30.0"},
		"augeas_1.14.0.orig.tar.gz":      {Kind: DebianSource, Name: "augeas", Version: "1.14.0"},
	} {
		if got := r.File(); got != want {
			t.Errorf("%v is kept as %q, want %q", r, got, want)
		}
	}
}

func TestVersionWith(t *testing.T) {
	const stanzas = "Package: a\nVersion: 1.2-3\nChecksums-Sha256:\n 00 5 a_1.2.orig.tar.gz\n 00 5 a_1.2-3.dsc\n\n" +
		"Package: a\nVersion: 1.3-1\nChecksums-Sha256:\n 00 5 a_1.3.orig.tar.gz\n"
	for file, want := range map[string]string{"a_1.2.orig.tar.gz": "1.2-3", "a_1.3.orig.tar.gz": "1.3-1", "a_1.orig.tar.gz": ""} {
		if got := versionWith(stanzas, file); got != want {
			t.Errorf("%s comes with version %q, want %q", file, got, want)
		}
	}
}

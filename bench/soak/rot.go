package soak

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// flips is how many blobs are damaged.
const flips = 20

// rot flips one bit in blobs of a tree that is published twice. The check is to
// find each and name each path, reads are to fail, and the next push to heal
// both trees.
func rot(ctx context.Context, r *run) error {
	c := r.Trees[r.rng.IntN(len(r.Trees))]
	s, err := r.site(ctx, "rot", Faults{})
	if err != nil {
		return err
	}
	defer s.close()
	want, err := portrait(c)
	if err != nil {
		return err
	}
	token, err := s.token(ctx, "rot")
	if err != nil {
		return err
	}
	for _, at := range []string{"rot/1", "rot/2"} {
		if _, err := s.must(ctx, s.pushArgs(c, token, "--target", at)...); err != nil {
			return err
		}
	}
	damaged, err := s.flip(c)
	if err != nil {
		return err
	}
	if err := s.findAll(ctx, damaged); err != nil {
		return err
	}
	if err := s.failLoudly(ctx, damaged); err != nil {
		return err
	}
	if _, err := s.must(ctx, s.pushArgs(c, token, "--target", "rot/3")...); err != nil {
		return err
	}
	if err := s.fsck(ctx, "after the push that heals", "--content"); err != nil {
		return err
	}
	for _, at := range []string{"rot/1", "rot/2", "rot/3"} {
		if err := s.wantAt(ctx, at, want); err != nil {
			return err
		}
	}
	r.notef("  %d blobs damaged, found, refused and healed", len(damaged))
	return nil
}

// flip flips a bit in the content of files, wherever the store keeps it, and
// returns the paths of each digest that it damaged.
func (s *site) flip(tree string) (map[string][]string, error) {
	names, err := filesIn(tree)
	if err != nil {
		return nil, err
	}
	paths := map[string][]string{}
	content := map[string]string{}
	for _, name := range names {
		d, err := digest(name)
		if err != nil {
			return nil, err
		}
		rel, err := filepath.Rel(tree, name)
		if err != nil {
			return nil, err
		}
		paths[d] = append(paths[d], rel)
		content[d] = name
	}
	damaged := map[string][]string{}
	for _, i := range s.r.rng.Perm(len(names)) {
		d, err := digest(names[i])
		if err != nil {
			return nil, err
		}
		if len(damaged) == flips {
			break
		}
		if damaged[d] != nil {
			continue
		}
		ok, err := s.flipOne(d, content[d])
		if err != nil {
			return nil, err
		}
		if ok {
			damaged[d] = paths[d]
		}
	}
	if len(damaged) < flips {
		return nil, fmt.Errorf("only %d blobs to damage", len(damaged))
	}
	return damaged, nil
}

// flipOne flips a bit of a blob in its file or in the pack that has it.
func (s *site) flipOne(digest, file string) (bool, error) {
	b, err := os.ReadFile(file)
	if err != nil || len(b) < 16 {
		return false, err
	}
	at := s.r.rng.IntN(len(b))
	large := filepath.Join(s.store(), "blobs", digest[:2], digest)
	if _, err := os.Stat(large); err == nil {
		return true, flipBit(large, int64(at))
	}
	packs, err := filesIn(filepath.Join(s.store(), "packs"))
	if err != nil {
		return false, err
	}
	for _, pack := range packs {
		p, err := os.ReadFile(pack)
		if err != nil {
			return false, err
		}
		if i := bytes.Index(p, b); i >= 0 && bytes.LastIndex(p, b) == i {
			return true, flipBit(pack, int64(i+at))
		}
	}
	return false, nil // content inside other content: another will do
}

func flipBit(name string, at int64) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		return err
	}
	b[0] ^= 1 << (at % 8)
	_, err = f.WriteAt(b[:], at)
	return err
}

// findAll has the check find every damaged blob and name all its paths, and
// nothing else.
func (s *site) findAll(ctx context.Context, damaged map[string][]string) error {
	o, err := s.run(ctx, "fsck", "--content", "--store", s.store())
	if err != nil {
		return err
	}
	if o.code == 0 {
		s.r.violation("fsck --content ended well with %d damaged blobs", len(damaged))
	}
	if n := strings.Count("\n"+o.out, "\ndamaged: "); n != len(damaged) {
		s.r.violation("fsck --content named %d blobs, %d are damaged", n, len(damaged))
	}
	for d, paths := range damaged {
		if !strings.Contains(o.out, d) {
			s.r.violation("fsck --content does not name %s", d)
		}
		for _, p := range paths {
			for _, at := range []string{"rot/1/", "rot/2/"} {
				if !strings.Contains(o.out, "in "+at+p+"\n") && !strings.Contains(o.out, "in "+at+p+",") {
					s.r.violation("fsck --content does not name %s%s", at, p)
				}
			}
		}
	}
	return nil
}

// failLoudly reads every damaged path: what comes must not look whole.
func (s *site) failLoudly(ctx context.Context, damaged map[string][]string) error {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	for _, paths := range damaged {
		for _, p := range paths {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+s.address+"/files/rot/1/"+escape(p), nil)
			if err != nil {
				return err
			}
			resp, err := client.Do(req)
			if err != nil {
				continue
			}
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode/100 == 2 && err == nil {
				s.r.violation("reading damaged %q gave %s and no error", p, resp.Status)
			}
		}
	}
	o, err := s.run(ctx, "pull", "rot/1", filepath.Join(s.dir, "pulled-rotten"), "-q", "--retry-for", "1s", "--store", s.store())
	if err == nil && o.code == 0 {
		s.r.violation("pull of a damaged tree ended well")
	}
	return err
}

// escape writes a path for a URL.
func escape(path string) string {
	parts := strings.Split(filepath.ToSlash(path), "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}

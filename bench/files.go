package main

import (
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"
)

// relativeFiles lists the files below dir as paths of URLs relative to it.
func relativeFiles(dir string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		names = append(names, (&url.URL{Path: filepath.ToSlash(rel)}).EscapedPath())
		return nil
	})
	for i, n := range names {
		names[i] = strings.TrimPrefix(n, "./")
	}
	return names, err
}

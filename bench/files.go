package main

import (
	"io/fs"
	"net/url"
	"path/filepath"
	"slices"
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

// sortRows orders rows of a table by their first column, keeping the order within.
func sortRows(rows [][]string) {
	slices.SortStableFunc(rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
}

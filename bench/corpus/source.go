package corpus

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// Steps are the states of one tree, in the order in which they are published.
type Steps struct {
	First string // as at first
	// Update has one file in a hundred edited (or one in a hundred new), the times of
	// the others kept.
	Update string
	// Touched has some more edited, and every modification time new, as a fresh
	// checkout has.
	Touched string
	// Moved has folders renamed and files moved, contents and times kept.
	Moved string
}

// Source is the tree of a large project: all Go modules of the table unpacked beside
// each other, about 20,000 files. With few, two modules of 2,400 files only.
func (c *Cache) Source(ctx context.Context, few bool) (Steps, error) {
	name := "source"
	var releases []Release
	for _, p := range Pairs() {
		small := p.Old.Name == "golang.org/x/tools" || p.Old.Name == "google.golang.org/grpc"
		if p.Old.Kind == GoModule && (!few || small) {
			releases = append(releases, p.Old)
		}
	}
	if few {
		name = "source-few"
	}
	dir, err := c.Make(ctx, name, func(ctx context.Context, dir string) error { return c.makeSource(ctx, dir, releases) })
	return stepsIn(dir), err
}

// OneEdit is the small source tree; Update has one file edited.
func (c *Cache) OneEdit(ctx context.Context) (Steps, error) {
	src, err := c.Source(ctx, true)
	if err != nil {
		return Steps{}, err
	}
	dir, err := c.Make(ctx, "one-edit", func(ctx context.Context, dir string) error {
		s := stepsIn(dir)
		for _, to := range []string{s.First, s.Update} {
			if err := copyTree(src.First, to); err != nil {
				return err
			}
		}
		names, err := filesIn(s.Update)
		if err != nil {
			return err
		}
		return editSome(s.Update, len(names))
	})
	return stepsIn(dir), err
}

// stepsIn names the folders of steps; those a tree lacks are never asked for.
func stepsIn(dir string) Steps {
	return Steps{filepath.Join(dir, "first"), filepath.Join(dir, "update"), filepath.Join(dir, "touched"), filepath.Join(dir, "moved")}
}

func (c *Cache) makeSource(ctx context.Context, dir string, releases []Release) error {
	s := stepsIn(dir)
	if err := c.unpackAll(ctx, s.First, releases); err != nil {
		return err
	}
	if err := stamp(s.First, firstBuild()); err != nil {
		return err
	}
	if err := copyTree(s.First, s.Update); err != nil {
		return err
	}
	if err := editSome(s.Update, 100); err != nil {
		return err
	}
	if err := copyTree(s.Update, s.Touched); err != nil {
		return err
	}
	if err := editSome(s.Touched, 101); err != nil {
		return err
	}
	if err := stamp(s.Touched, secondBuild()); err != nil {
		return err
	}
	if err := copyTree(s.Touched, s.Moved); err != nil {
		return err
	}
	return move(s.Moved)
}

// move renames every second folder of the top and moves one file in ten into a folder
// of its own.
func move(dir string) error {
	tops, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for i, d := range tops {
		if i%2 == 0 {
			if err := os.Rename(filepath.Join(dir, d.Name()), filepath.Join(dir, "third_party-"+d.Name())); err != nil {
				return err
			}
		}
	}
	names, err := filesIn(dir)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(3, 3))
	for _, name := range names {
		if rng.IntN(10) > 0 {
			continue
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, "moved", strings.ReplaceAll(rel, string(filepath.Separator), "-"))
		if len(filepath.Base(to)) > 200 {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.Rename(name, to); err != nil {
			return err
		}
	}
	return nil
}

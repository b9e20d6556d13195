package main

// trees are the defences of what is outside of a tree, and of who looks at the
// names in one: rows 19 to 21, and 33.
func trees() []mutant {
	return []mutant{
		{
			name: "19 client: links on the way are followed, in one call",
			edits: []edit{
				{"sync/walk/root_linux.go", "Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,", "Resolve: 0,"},
			},
			tests: []suite{{"./sync/walk", "Swapped|Flipped"}},
		},
		{
			name: "19 client: links on the way are followed, step by step",
			edits: []edit{
				{"sync/walk/root_unix.go", "			step = dirFlags\n", "			step = dirFlags &^ unix.O_NOFOLLOW\n"},
			},
			tests: []suite{{"./sync/walk", "Swapped|Flipped"}},
		},
		{
			name: "19 client: the portable way goes by names",
			edits: []edit{
				{"sync/walk/portable.go", "	before, err := p.r.Lstat(rel)\n", "	before, err := os.Lstat(filepath.Join(p.r.Name(), rel))\n"},
				{"sync/walk/portable.go", "	f, err := p.r.Open(rel)\n", "	f, err := os.Open(filepath.Join(p.r.Name(), rel))\n"},
			},
			tests: []suite{{"./sync/walk", "Swapped|Flipped"}},
		},
		{
			name: "19 server: files are opened by name",
			edits: []edit{
				{"server/store/disk/fs.go", "	f, err := o.root.OpenFile(name, flag, perm)\n", "	f, err := os.OpenFile(filepath.Join(o.dir, name), flag, perm)\n"},
			},
			tests: []suite{{"./server/store/disk", "TestSwappedFolders"}},
		},
		{
			name: "19 server: files are renamed by name",
			edits: []edit{
				{"server/store/disk/fs.go", "{ return o.root.Rename(from, to) }", "{ return os.Rename(filepath.Join(o.dir, from), filepath.Join(o.dir, to)) }"},
			},
			tests: []suite{{"./server/store/disk", "TestSwappedFolders"}},
		},
		{
			name: "19 server: files are removed by name",
			edits: []edit{
				{"server/store/disk/fs.go", "{ return o.root.Remove(name) }", "{ return os.Remove(filepath.Join(o.dir, name)) }"},
			},
			tests: []suite{{"./server/store/disk", "TestSwappedFolders"}},
		},
		{
			name: "19 pull: files are looked at and written by name",
			edits: []edit{
				{"sync/pull/pull.go", `	fi, err := p.root.Lstat(string(e.Path))
	if err != nil {
`, `	fi, err := os.Lstat(path.Join(p.root.Name(), string(e.Path)))
	if err != nil {
`},
				{"sync/pull/pull.go", "		if err := p.root.MkdirAll(dir, 0o755); err != nil {\n", "		if err := os.MkdirAll(path.Join(p.root.Name(), dir), 0o755); err != nil {\n"},
				{"sync/pull/pull.go", `	if err := p.root.RemoveAll(tmp); err != nil {
		return err
	}
`, ""},
				{"sync/pull/pull.go", "	f, err := p.root.OpenFile(tmp, ", "	f, err := os.OpenFile(path.Join(p.root.Name(), tmp), "},
			},
			tests: []suite{{"./sync/pull", "TestSwappedFolder"}},
		},
		{
			name: "20 absolute links are followed",
			edits: []edit{
				{"server/files/treelink/treelink.go", `if strings.HasPrefix(e.Link, "/") {`, `if strings.HasPrefix(e.Link, "//") {`},
			},
			tests: []suite{{"./server/files", "Symlinks"}},
		},
		{
			name: "20 links may climb above the root",
			edits: []edit{
				{"server/files/treelink/treelink.go", "				return manifest.Entry{}, fmt.Errorf(\"%q: %w\", path, ErrOutside)\n", "				continue\n"},
			},
			tests: []suite{{"./server/files", "Symlinks"}},
		},
		{
			name: "20 links that lead out are exported",
			edits: []edit{
				{"server/export/plan.go", "	return errors.Is(err, treelink.ErrOutside) || errors.Is(err, treelink.ErrTooLong)\n", "	return errors.Is(err, treelink.ErrTooLong)\n"},
			},
			tests: []suite{{"./server/export", "LinksThatLeadOut"}},
		},
		{
			name: "20 a link to another target is exported as if it were one",
			edits: []edit{
				{"server/export/build.go", `	case t.Dir() == "" || !e.Path.Within(t.Dir()) || e.Path == t.Dir():`, `	case e.Path == t.Dir():`},
			},
			tests: []suite{{"./server/export", "Alias"}},
		},
		{
			name: "20 a link is read through when it is pushed",
			edits: []edit{
				{"sync/walk/root_unix.go", "	dirFlags  = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC\n", "	dirFlags  = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC\n"},
				{"sync/walk/root_unix.go", "unix.O_NOCTTY | unix.O_NOFOLLOW | unix.O_CLOEXEC", "unix.O_NOCTTY | unix.O_CLOEXEC"},
				{"sync/walk/root_linux.go", "Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,", "Resolve: 0,"},
			},
			tests: []suite{{"./sync/walk", "ChangeBeforeOpen"}},
		},
		{
			name: "21 pull: names are believed",
			edits: []edit{
				{"sync/pull/pull.go", `	if err := l.Check(); err != nil {
		return Result{}, err
	}
`, ""},
			},
			tests: []suite{{"./sync/pull", "NamesThatLeadOut"}},
		},
		{
			name: "21 pull: content is believed",
			edits: []edit{
				{"sync/pull/pull.go", "	return check(h, e)\n", "	return nil\n"},
			},
			tests: []suite{{"./sync/pull", "OtherBytes"}},
		},
		{
			name: "21 pull: what was put together is believed",
			edits: []edit{
				{"sync/pull/blocks.go", "	same, err := hasContent(f, e)\n", "	same, err := true, error(nil)\n"},
			},
			tests: []suite{{"./sync/pull", "WrongHashes"}},
		},
		{
			name: "21 pull: content without end",
			edits: []edit{
				{"sync/pull/pull.go", "io.LimitReader(r, e.Size+1)", "io.LimitReader(r, 1<<28)"},
			},
			tests: []suite{{"./sync/pull", "OtherBytes"}},
		},
		{
			name: "21 push: verdicts on what was not pushed",
			edits: []edit{
				{"sync/push/transfer.go", "if v.Index >= len(p.tree.Entries) {", "if v.Index < 0 {"},
			},
			tests: []suite{{"./sync/push", "Hostile"}},
		},
		{
			name: "33 names go to the terminal as they are",
			edits: []edit{
				{"cli/progress/escape.go", "	if plain(s) {\n", "	if len(s) > 0 {\n"},
			},
			tests: []suite{{"./cli/progress", "Escape"}},
		},
		{
			name: "33 control characters go to the terminal",
			edits: []edit{
				{"cli/progress/escape.go", "case unicode.IsPrint(r) && !invisible(r):", "case unicode.IsPrint(r) || r != 0:"},
			},
			tests: []suite{{"./cli/progress", "Escape"}},
		},
		{
			name: "33 refusals and errors go to the terminal as they are",
			edits: []edit{
				{"cli/progress/escape.go", "		parts[i] = Escape(parts[i])\n", "		_ = i\n"},
			},
			tests: []suite{{"./cli/progress", "Escape"}, {"./cli", "TestScripts/(names|errors)"}},
		},
		{
			name: "33 names go to the page as they are",
			edits: []edit{
				{"server/web/display.go", "		case unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):\n", "		case c == 0:\n"},
			},
			tests: []suite{{"./server/web", "NamesAreEscaped"}},
		},
	}
}

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// imageSize bounds what is written while measuring. The image is sparse; [trim] keeps it
// so.
const imageSize = 60 << 30

// mountFresh makes a file system for what is measured: ext4 as mkfs makes it, in an image
// in dir, mounted there too. Without it every run would begin on what earlier ones left
// behind, and an ext4 without a journal, as virtual machines have it, searches long for
// inodes that were not freed a moment ago (recently_deleted in fs/ext4/ialloc.c): ten times
// the time for 20,000 files after a tree was removed. Room for the inodes, 256 bytes each,
// is written at once. What is written to it goes past the cache of the file system that the
// image is on, as on a disk: else whoever syncs pays for a second copy of everything, in time
// of the cores that are measured, and whoever leaves that for later does not. It needs root
// and a loop device.
func mountFresh(ctx context.Context, dir string, inodes int) (string, func(), error) {
	image, at := filepath.Join(dir, "ext4.img"), filepath.Join(dir, "fs")
	if err := os.Mkdir(at, 0o755); err != nil {
		return "", nil, err
	}
	f, err := os.Create(image)
	if err != nil {
		return "", nil, err
	}
	err = f.Truncate(imageSize)
	f.Close()
	if err != nil {
		return "", nil, err
	}
	for _, args := range [][]string{
		{"mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", "-N", fmt.Sprint(inodes), image},
		{"mount", "-o", "loop", image, at},
	} {
		if _, err := system(ctx, args...); err != nil {
			return "", nil, err
		}
	}
	unmount := func() { _ = unix.Unmount(at, unix.MNT_DETACH) }
	if err := pastCache(ctx, image); err != nil {
		unmount()
		return "", nil, err
	}
	return at, unmount, nil
}

// pastCache has the loop device of an image read and write it without the cache.
func pastCache(ctx context.Context, image string) error {
	name, err := system(ctx, "losetup", "--noheadings", "--output", "NAME", "--associated", image)
	if err == nil {
		_, err = system(ctx, "losetup", "--direct-io=on", name)
	}
	return err
}

// system runs a program of the system's and returns what it prints.
func system(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	out, err := cmd.CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, text)
	}
	return text, err
}

// trim gives the room of what was removed on a file system that mountFresh made back to
// the one that its image is on: else that would fill up, round after round. What it costs
// is nobody's measure. Where it fails there is room, or the run will say so.
func trim(ctx context.Context, at string) {
	_, _ = system(ctx, "fstrim", at)
}

// fileSystem names the file system of a folder.
func fileSystem(dir string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "unknown"
	}
	switch st.Type {
	case unix.EXT4_SUPER_MAGIC:
		return "ext4"
	case unix.TMPFS_MAGIC:
		return "tmpfs"
	case unix.BTRFS_SUPER_MAGIC:
		return "btrfs"
	case unix.XFS_SUPER_MAGIC:
		return "xfs"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlay"
	}
	return fmt.Sprintf("type %#x", st.Type)
}

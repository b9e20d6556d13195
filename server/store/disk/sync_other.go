//go:build !linux

package disk

import "os"

func beginWriteback(*os.File, int64, int64) {}

func dataSync(f *os.File) error { return f.Sync() }

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/pubsync/pubsync/bench/peer"
)

func rsyncVersion() string {
	return strings.Join(strings.Fields(peer.Version("rsync", "--version")), " ")
}

// versions are those of the programs.
func versions(pubsync string) [][]string {
	return [][]string{
		{"pubsync", peer.Version(pubsync, "version")},
		{"rsync", rsyncVersion()},
		{"ssh", peer.Version("ssh", "-V")},
		{"rclone", peer.Version("rclone", "version")},
		{"casync", peer.Version("casync", "--version")},
		{"zsync", peer.Version("zsync", "-V")},
		{"nginx", peer.Version("nginx", "-v")},
		{"zstd", peer.Version("zstd", "--version")},
		{"Go", runtime.Version()},
	}
}

// machine says what it was measured on.
func machine() [][]string {
	return [][]string{
		{"processor", procLine("/proc/cpuinfo", "model name")},
		{"cores", fmt.Sprint(runtime.NumCPU())},
		{"memory", procLine("/proc/meminfo", "MemTotal")},
		{"kernel", strings.TrimSpace(readText("/proc/sys/kernel/osrelease"))},
		{"load before", firstWords(readText("/proc/loadavg"), 3)},
	}
}

// procLine finds the value of the first line that begins with the key.
func procLine(name, key string) string {
	for s := bufio.NewScanner(strings.NewReader(readText(name))); s.Scan(); {
		if k, v, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}

func readText(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(b))
}

func firstWords(s string, n int) string {
	f := strings.Fields(s)
	return strings.Join(f[:min(n, len(f))], " ")
}

package measure

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// clockTick is the unit of CPU times in /proc: USER_HZ is 100 on every Linux that Go
// runs on.
const clockTick = 10 * time.Millisecond

// CPU is the user and system time that the process has used, and those of its
// children that have ended.
func CPU(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return parseStat(b)
}

// parseStat adds utime, stime, cutime and cstime: fields 14 to 17 of proc(5), counted
// after the name, which may hold spaces and brackets.
func parseStat(b []byte) (time.Duration, error) {
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	const utime = 14 - 3 // the first field after the name is the third
	if len(fields) < utime+4 {
		return 0, fmt.Errorf("measure: not a stat file: %q", b)
	}
	var ticks int64
	for _, f := range fields[utime : utime+4] {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("measure: not a stat file: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}

// Descendants are the processes below pid, itself not among them. A process that
// ends meanwhile is left out.
func Descendants(pid int) []int {
	var all []int
	for _, child := range children(pid) {
		all = append(all, child)
		all = append(all, Descendants(child)...)
	}
	return all
}

func children(pid int) []int {
	// Of each thread: a child belongs to the thread that made it.
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	var all []int
	for _, name := range lists {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		for _, f := range bytes.Fields(b) {
			if n, err := strconv.Atoi(string(f)); err == nil {
				all = append(all, n)
			}
		}
	}
	return all
}

// Private is how many bytes of memory the process holds that are not a file's: its
// resident pages less the shared ones (program text, libraries, mapped files). A process
// that has ended holds none.
func Private(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	return parseStatm(b) * int64(os.Getpagesize())
}

// parseStatm gives resident less shared pages.
func parseStatm(b []byte) int64 {
	fields := bytes.Fields(b)
	if len(fields) < 3 {
		return 0
	}
	resident, err1 := strconv.ParseInt(string(fields[1]), 10, 64)
	shared, err2 := strconv.ParseInt(string(fields[2]), 10, 64)
	if err1 != nil || err2 != nil {
		return 0
	}
	return resident - shared
}

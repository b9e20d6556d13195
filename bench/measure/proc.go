package measure

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// clockTick is the unit of CPU times in /proc: USER_HZ is 100 on every Linux that Go
// runs on.
const clockTick = 10 * time.Millisecond

// CPU is the user and system time that the process has used, to the nanosecond, and
// those of its children that have ended, to the clock's tick.
func CPU(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	children, err := parseStat(b)
	if err != nil {
		return 0, err
	}
	var own unix.Timespec
	if err := unix.ClockGettime(cpuClock(pid), &own); err != nil {
		return 0, fmt.Errorf("measure: CPU time of process %d: %w", pid, err)
	}
	return time.Duration(own.Nano()) + children, nil
}

// cpuClock is the clock that runs while threads of the process do, as
// clock_getcpuclockid(3) makes its number.
func cpuClock(pid int) int32 {
	const ofScheduler = 2 // CPUCLOCK_SCHED of the kernel's posix-timers.h
	return ^int32(pid)<<3 | ofScheduler
}

// parseStat adds cutime and cstime: fields 16 and 17 of proc(5), counted after the
// name, which may hold spaces and brackets.
func parseStat(b []byte) (time.Duration, error) {
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	const cutime = 16 - 3 // the first field after the name is the third
	if len(fields) < cutime+2 {
		return 0, fmt.Errorf("measure: not a stat file: %q", b)
	}
	var ticks int64
	for _, f := range fields[cutime : cutime+2] {
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
	tasks := fmt.Sprintf("/proc/%d/task", pid)
	threads, _ := os.ReadDir(tasks)
	var all []int
	for _, t := range threads {
		b, err := os.ReadFile(filepath.Join(tasks, t.Name(), "children"))
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

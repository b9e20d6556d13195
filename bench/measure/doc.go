// Package measure runs programs and says what they cost: wall time, CPU of all
// their processes, peak memory. It reads Linux's /proc and the kernel's accounting
// of ended children (wait4), so it needs no rights and costs the programs next to
// nothing.
package measure

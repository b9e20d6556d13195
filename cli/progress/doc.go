// Package progress shows how far a push or pull has come: one line that
// redraws itself on a terminal, plain lines in a log, nothing when quiet or when
// the output is for programs. It also makes file names fit to print ([Escape]).
//
// The clock and the terminal's width are passed in; the package reads neither.
package progress

package mirror

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Pauses before a restart and between looks whether a new daemon listens yet,
// and how long one told to stop may take.
const (
	probePause = 20 * time.Millisecond
	firstPause = time.Second
	lastPause  = time.Minute
	stopTime   = 10 * time.Second
)

// maxLine bounds a line of the daemon's log.
const maxLine = 4096

// Run implements [Daemon]. A daemon that ends by itself is started again after
// a pause that doubles from one second to one minute, and begins anew once it
// has listened. An error means that there is no rsync, or that its
// configuration cannot be written.
func (d *Rsync) Run(ctx context.Context) error {
	program, err := exec.LookPath(d.cfg.Rsync)
	if err != nil {
		return fmt.Errorf("mirror: %w; install rsync", err)
	}
	conf, err := d.writeConfiguration()
	if err != nil {
		return fmt.Errorf("mirror: write the configuration of rsync: %w", err)
	}
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		listened, err := d.runOnce(ctx, program, conf)
		if ctx.Err() != nil {
			return nil
		}
		if listened {
			pause = firstPause
		}
		d.cfg.Log(printable(fmt.Sprintf("rsync daemon ended (%v); next start in %v", err, pause)))
		select {
		case <-ctx.Done():
			return nil
		case <-d.cfg.After(pause):
		}
	}
}

// runOnce runs the daemon until it ends, which it does soon after ctx, and
// reports whether it came to listen. All it started has ended, too.
func (d *Rsync) runOnce(ctx context.Context, program, conf string) (listened bool, err error) {
	// The kernel tells the daemon when the thread that started it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, program, "--daemon", "--no-detach", "--config="+conf, "--port="+d.port)
	if d.host != "" {
		cmd.Args = append(cmd.Args, "--address="+d.host)
	}
	cmd.Env = []string{"LC_ALL=C"}
	cmd.WaitDelay = stopTime
	ownGroup(cmd)
	r, w, err := os.Pipe()
	if err != nil {
		return false, err
	}
	defer r.Close()
	cmd.Stdout, cmd.Stderr = w, w
	err = cmd.Start()
	w.Close()
	if err != nil {
		return false, err
	}
	alive, ended := context.WithCancel(ctx)
	defer ended()
	refused, answered := make(chan bool, 1), make(chan bool, 1)
	go func() { refused <- d.follow(r) }()
	go func() { answered <- d.probe(alive) }()
	err = cmd.Wait()
	ended()
	killGroup(cmd) // connections outlive the daemon
	// An answer is no proof where the port was another's all along.
	ok, no := <-answered, <-refused
	return ok && !no, err
}

// probe waits until something accepts connections at the daemon's port and
// reports whether that happened before alive ended. The daemon's own line about
// listening comes before it does.
func (d *Rsync) probe(alive context.Context) bool {
	host := d.host
	if host == "" {
		host = "localhost"
	}
	for {
		conn, err := (&net.Dialer{}).DialContext(alive, "tcp", net.JoinHostPort(host, d.port))
		if err == nil {
			conn.Close()
			d.cfg.Ready()
			return true
		}
		select {
		case <-alive.Done():
			return false
		case <-d.cfg.After(probePause):
		}
	}
}

// follow hands the daemon's lines on until all its processes have ended, and
// reports whether one said that the port was refused.
func (d *Rsync) follow(r io.Reader) (refused bool) {
	in := bufio.NewReaderSize(r, maxLine)
	for {
		line, more, err := in.ReadLine()
		if err != nil {
			return refused
		}
		text := string(line)
		for more && err == nil {
			_, more, err = in.ReadLine() // the rest of a line too long
		}
		d.cfg.Log(printable(text))
		refused = refused || strings.Contains(text, "bind() failed")
	}
}

// printable returns text with whatever could act on a terminal escaped: names
// in it come from publishers and clients.
func printable(text string) string {
	quoted := strconv.QuoteToGraphic(text)
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(quoted[1 : len(quoted)-1])
}

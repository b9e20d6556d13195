package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pubsync/pubsync/bench/link"
)

// network is where client and server of a workload are.
type network struct {
	Name    string
	Rate    link.Rate // zero: loopback
	client  *link.Space
	server  *link.Space
	address string
	counter *link.Counter
	shaped  *link.Link

	// What ping and iperf3 say of it, in ms and Mbit/s; 0 if they were not asked.
	Ping, Up, Down float64
}

// rateName is how links are named: 20M100ms is 20 Mbit/s each way and a round trip of
// 100 ms.
var rateName = regexp.MustCompile(`^(\d+(?:\.\d+)?)M(\d+)ms$`)

// parseRate reads the name of a link; loopback is the zero rate.
func parseRate(name string) (link.Rate, error) {
	if name == "loopback" {
		return link.Rate{}, nil
	}
	m := rateName.FindStringSubmatch(name)
	if m == nil {
		return link.Rate{}, fmt.Errorf("no such link: %q (loopback, or rate and round trip such as 20M100ms)", name)
	}
	mbit, _ := strconv.ParseFloat(m[1], 64)
	ms, _ := strconv.Atoi(m[2])
	return link.Rate{BitsPerSecond: mbit * 1e6, Delay: time.Duration(ms) * time.Millisecond / 2}, nil
}

// openNetwork makes the network. The error is [link.ErrNotPermitted] where a shaped
// link may not be made.
func openNetwork(name string) (*network, error) {
	rate, err := parseRate(name)
	if err != nil {
		return nil, err
	}
	n := &network{Name: name, Rate: rate}
	if name == "loopback" {
		n.client = link.Host()
		n.server, n.address = n.client, "127.0.0.1"
	} else {
		if n.shaped, err = link.Shape(rate); err != nil {
			return nil, err
		}
		n.client, n.server, n.address = n.shaped.Client, n.shaped.Server, link.ServerAddress
	}
	if n.counter, err = link.Count(n.client); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

// prime lets what follows pass without delay, until measured is called.
func (n *network) prime() {
	if n.shaped != nil {
		n.shaped.SetRate(link.Rate{QueueBytes: 4 << 20})
	}
}

func (n *network) measured() {
	if n.shaped != nil {
		n.shaped.SetRate(n.Rate)
	}
}

// facts is what is known of the link by now.
func (n *network) facts() facts {
	f := facts{Ping: n.Ping, Up: n.Up, Down: n.Down}
	if n.shaped != nil {
		f.LostUp, f.LostDown = n.shaped.Dropped()
	}
	return f
}

// quiet is how long no connection must end before all are counted.
func (n *network) quiet() time.Duration { return 40*time.Millisecond + 4*n.Rate.Delay }

func (n *network) close() {
	if n.counter != nil {
		n.counter.Close()
	}
	if n.shaped != nil {
		n.shaped.Close()
		return
	}
	n.client.Close()
}

// verify asks ping and iperf3 what the link is like.
func (n *network) verify(ctx context.Context) error {
	if n.shaped == nil {
		return nil
	}
	out, err := n.client.Output("ping", "-q", "-c", "5", "-i", "0.2", n.address)
	if err != nil {
		return err
	}
	if n.Ping, err = parsePing(out); err != nil {
		return err
	}
	if n.Up, err = n.throughput(ctx); err != nil {
		return err
	}
	n.Down, err = n.throughput(ctx, "-R")
	return err
}

func (n *network) throughput(ctx context.Context, flags ...string) (float64, error) {
	server := exec.CommandContext(ctx, "iperf3", "-s", "-1", "--forceflush", "-B", n.address)
	said, err := server.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := n.server.Start(server); err != nil {
		return 0, err
	}
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	// It says so when it listens.
	ready := make(chan error, 2)
	go func() {
		for lines := bufio.NewScanner(said); lines.Scan(); {
			if strings.Contains(lines.Text(), "listening") {
				ready <- nil
				break
			}
		}
		_, _ = io.Copy(io.Discard, said)
		ready <- errors.New("iperf3 ended before it listened")
	}()
	if err := <-ready; err != nil {
		return 0, err
	}
	args := append([]string{"-J", "-t", "3", "-O", "1", "-c", n.address}, flags...)
	out, err := n.client.Output("iperf3", args...)
	if err != nil {
		return 0, err
	}
	return parseIperf(out)
}

// parseIperf gives the Mbit/s that arrived.
func parseIperf(out string) (float64, error) {
	var r struct {
		End struct {
			Received struct {
				BitsPerSecond float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		} `json:"end"`
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		return 0, fmt.Errorf("iperf3 said %q: %w", clip(out, 200), err)
	}
	return r.End.Received.BitsPerSecond / 1e6, nil
}

// parsePing gives the mean round trip in ms.
func parsePing(out string) (float64, error) {
	m := regexp.MustCompile(`= [\d.]+/([\d.]+)/`).FindStringSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("ping said %q", clip(out, 200))
	}
	return strconv.ParseFloat(m[1], 64)
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// part is what was measured of one workload over one link, in one run, and on what. A
// report is made of all parts in its folder, so that a long run may be cut up; a later run
// of the same workload and link takes the place of an earlier one.
type part struct {
	Workload, Link    string
	Began             time.Time
	Quick             bool
	Rounds            int // done
	Machine, Versions [][]string
	Destination       string // the file system
	Net               facts
	Commands          map[string]string // step and peer to a command line
	Samples           []sample
}

// facts are what was found out of a shaped link, zero for loopback.
type facts struct {
	Ping, Up, Down float64 // ms and Mbit/s, by ping and iperf3, before the first run
	LostUp         int64   // packets that found the queue full, in all runs
	LostDown       int64
}

// partsFolder is where parts are below the report's folder.
const partsFolder = "parts"

func (p *part) save(o *options) error {
	return o.writeOut(filepath.Join(partsFolder, p.Workload+"-"+p.Link+".json"), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		return e.Encode(p)
	})
}

// loadParts reads the parts of a report, in the order of the workloads; none is no error.
func loadParts(o *options) ([]*part, error) {
	var all []*part
	for _, w := range workloads() {
		names, err := filepath.Glob(filepath.Join(o.out, partsFolder, w.name+"-*.json"))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			p := &part{}
			if err := readJSON(name, p); err != nil {
				return nil, err
			}
			if p.Workload == w.name { // not that of a longer name
				all = append(all, p)
			}
		}
	}
	return all, nil
}

// loadReadings reads what [readers] measured; nil if it did not yet.
func loadReadings(o *options) (*readPart, error) {
	p := &readPart{}
	err := readJSON(filepath.Join(o.out, partsFolder, readersPart), p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return p, err
}

func readJSON(name string, v any) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

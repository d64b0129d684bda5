// Load of the benchmark: uploads, downloads, pushes and replayed requests, cheap enough not to be the bottleneck.
//
// Every mode prints one line of JSON on standard output and ends with 1, and a sentence, at the first answer
// that is not what a registry should say.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"time"
)

// settings are the flags; each mode reads those it needs.
type settings struct {
	address    string
	repository string
	file       string
	path       string
	size       int64
	span       int64
	count      int
	atOnce     int
	layers     int
	lasting    time.Duration
}

var modes = map[string]func(settings, *tally) error{
	"upload":   upload,
	"download": download,
	"push":     push,
	"replay":   replay,
}

func main() {
	if len(os.Args) < 2 || modes[os.Args[1]] == nil {
		fail(fmt.Errorf("usage: load upload|download|push|replay FLAGS"))
	}
	work := modes[os.Args[1]]
	s := parse(os.Args[2:])
	t := &tally{}
	if err := work(s, t); err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(t.summary()); err != nil {
		fail(err)
	}
}

func parse(arguments []string) settings {
	var s settings
	flags := flag.NewFlagSet("load", flag.ExitOnError)
	flags.StringVar(&s.address, "address", "", "HOST:PORT of the registry")
	flags.StringVar(&s.repository, "repository", "bench/load", "repository to write to")
	flags.StringVar(&s.file, "file", "", "bytes to upload, or requests to replay")
	flags.StringVar(&s.path, "path", "", "path to download")
	flags.Int64Var(&s.size, "size", 4096, "bytes of a layer")
	flags.Int64Var(&s.span, "span", 0, "bytes of each range to download; 0: whole")
	flags.IntVar(&s.count, "count", 1, "how often in all")
	flags.IntVar(&s.atOnce, "at-once", 1, "how many at a time")
	flags.IntVar(&s.layers, "layers", 10, "layers of an image")
	flags.DurationVar(&s.lasting, "lasting", 0, "go on for this long instead of -count")
	_ = flags.Parse(arguments)
	return s
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "load:", err)
	os.Exit(1)
}

// summary is what a mode prints: wall time, how much was done in it, and how long single pieces took.
type summary struct {
	Seconds float64 `json:"seconds"`
	Count   int     `json:"count"`
	Bytes   int64   `json:"bytes"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
	Most    float64 `json:"most_ms"`
}

func (t *tally) summary() summary {
	sort.Slice(t.took, func(i, j int) bool { return t.took[i] < t.took[j] })
	return summary{
		Seconds: t.wall.Seconds(), Count: len(t.took), Bytes: t.bytes,
		P50: t.at(0.50), P99: t.at(0.99), Most: t.at(1),
	}
}

// at returns the quantile of the durations, in milliseconds.
func (t *tally) at(quantile float64) float64 {
	if len(t.took) == 0 {
		return 0
	}
	place := int(quantile * float64(len(t.took)))
	if place >= len(t.took) {
		place = len(t.took) - 1
	}
	return float64(t.took[place]) / float64(time.Millisecond)
}

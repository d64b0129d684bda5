package main

import (
	"sync"
	"time"
)

// tally gathers what the workers did.
type tally struct {
	lock  sync.Mutex
	took  []time.Duration
	bytes int64
	wall  time.Duration
}

func (t *tally) add(took time.Duration, bytes int64) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.took = append(t.took, took)
	t.bytes += bytes
}

// piece is one piece of work: the number-th of all, on the worker's own connection. It returns the bytes moved.
type piece func(c *client, number int) (int64, error)

// share lets atOnce workers do pieces until count are done, or for as long as s.lasting says.
func share(s settings, t *tally, do piece) error {
	numbers := make(chan int)
	stop := make(chan struct{})
	failed := make(chan error, s.atOnce)
	var workers sync.WaitGroup
	began := time.Now()
	for worker := 0; worker < s.atOnce; worker++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			failed <- labour(s.address, numbers, t, do)
		}()
	}
	go deal(s, numbers, stop)
	var first error
	for worker := 0; worker < s.atOnce; worker++ {
		if err := <-failed; err != nil && first == nil {
			first = err
			close(stop)
		}
	}
	workers.Wait()
	t.wall = time.Since(began)
	return first
}

// deal hands out piece numbers until there are enough or somebody failed.
func deal(s settings, numbers chan<- int, stop <-chan struct{}) {
	defer close(numbers)
	began := time.Now()
	for number := 0; s.lasting > 0 || number < s.count; number++ {
		if s.lasting > 0 && time.Since(began) > s.lasting {
			return
		}
		select {
		case numbers <- number:
		case <-stop:
			return
		}
	}
}

func labour(address string, numbers <-chan int, t *tally, do piece) error {
	c := &client{address: address}
	defer c.close()
	for number := range numbers {
		began := time.Now()
		bytes, err := do(c, number)
		if err != nil {
			return err
		}
		t.add(time.Since(began), bytes)
	}
	return nil
}

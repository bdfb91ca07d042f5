package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"example.com/deputy/internal/deployed"
	"example.com/deputy/internal/standin/google"
)

const (
	perSecond = 50
	wire      = 20 * time.Millisecond
)

// latencies measures an open loop: events come at their own times, whether
// those before are answered or not, and Google and Firestore take 20 ms each.
func latencies(ctx context.Context, s *stage, p plan, r *report) error {
	chat, err := s.start(ctx, "ChatEvent")
	if err != nil {
		return err
	}
	least, err := s.least(ctx)
	if err != nil {
		return err
	}
	if err := alone(ctx, s, least, chat, r); err != nil {
		return err
	}
	next := p.people / 2 // half of the people are left to the ratios
	for _, c := range []struct {
		name string
		most float64
		of   *deployed.Service
		who  func(i int) google.Person
	}{
		{"the least work", 0, least, func(int) google.Person { return s.people[0] }},
		{"the person seen", 22, chat, func(i int) google.Person { return s.people[i%approving] }},
		{"the person not seen", 43, chat, func(int) google.Person {
			next++
			return s.people[next%p.people]
		}},
	} {
		for i := range 100 { // connections, and who is seen
			if err := s.send(ctx, c.of, c.who(i), "Space created"); err != nil {
				return err
			}
		}
		s.google.Tidy()
		s.slow.Store(int64(wire))
		s.emulator.slow.Store(int64(wire))
		took, err := openLoop(ctx, p.seconds*perSecond, func(ctx context.Context, i int) error {
			return s.send(ctx, c.of, c.who(i), "Space created")
		})
		s.slow.Store(0)
		s.emulator.slow.Store(0)
		if err != nil {
			return err
		}
		if c.most == 0 {
			r.title(fmt.Sprintf("\nEvents at %d/s for %d s, Google and Firestore %v away", perSecond, p.seconds, wire))
		}
		r.line("p50, "+c.name, at(took, 50), c.most, "ms", fmt.Sprintf("p95 %.1f, p99 %.1f, most %.1f ms", at(took, 95), at(took, 99), at(took, 100)))
	}
	return nil
}

// alone measures one event after the other, nothing else under way and nobody
// far away: what somebody waits for us, in turns with the least work.
func alone(ctx context.Context, s *stage, least, chat *deployed.Service, r *report) error {
	took := map[*deployed.Service][]float64{}
	for i := range 2_000 {
		if i%500 == 0 {
			s.google.Tidy()
		}
		for _, of := range []*deployed.Service{least, chat} {
			began := time.Now()
			if err := s.send(ctx, of, s.people[i%approving], "Space created"); err != nil {
				return err
			}
			if i >= 100 { // warm
				took[of] = append(took[of], float64(time.Since(began).Microseconds())/1000)
			}
		}
	}
	for _, all := range took {
		slices.Sort(all)
	}
	r.title("\nOne event after the other, Google on this machine")
	r.line("p50, the least work", at(took[least], 50), 0, "ms", fmt.Sprintf("p99 %.2f ms", at(took[least], 99)))
	r.line("p50, the person seen", at(took[chat], 50), 0, "ms", fmt.Sprintf("p99 %.2f ms", at(took[chat], 99)))
	return nil
}

// openLoop begins n acts at their times, and gives how long each took from when
// it should have begun, in milliseconds.
func openLoop(ctx context.Context, n int, act func(ctx context.Context, i int) error) ([]float64, error) {
	took, failed := make([]float64, n), make(chan error, n)
	var wait sync.WaitGroup
	began := time.Now()
	for i := range n {
		due := began.Add(time.Duration(i) * time.Second / perSecond)
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		wait.Go(func() {
			if err := act(ctx, i); err != nil {
				failed <- err
			}
			took[i] = float64(time.Since(due).Microseconds()) / 1000
		})
	}
	wait.Wait()
	close(failed)
	slices.Sort(took)
	return took, <-failed
}

// at is a percentile of what is sorted.
func at(sorted []float64, percent int) float64 {
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)]
}

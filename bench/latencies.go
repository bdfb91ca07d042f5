package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/deployed"
)

const (
	perSecond = 50
	wire      = 20 * time.Millisecond
	warming   = 100 // requests before those that are measured
)

// latencies measures an open loop: requests come at their own times, whether
// those before are answered or not, and Google and Firestore take 20 ms each.
func latencies(ctx context.Context, s *stage, p plan, r *report) error {
	least, err := s.least(ctx)
	if err != nil {
		return err
	}
	services := map[string]*deployed.Service{}
	for _, target := range []string{"ChatEvent", "OAuthCallback", "CreateSpace"} {
		if services[target], err = s.start(ctx, target); err != nil {
			return err
		}
	}
	chat := services["ChatEvent"]
	if err := alone(ctx, s, least, chat, r); err != nil {
		return err
	}
	n := p.seconds * perSecond
	returning := make(chan *http.Request, n+warming)
	links := make(chan invited, n+warming)
	if err := s.invite(ctx, links, n+warming); err != nil {
		return err
	}
	for range n + warming {
		one := <-links
		back, err := s.returning(ctx, one.link, one.who)
		if err != nil {
			return err
		}
		returning <- back
	}
	var unseen atomic.Int64 // half of the people are left to the ratios
	event := func(of *deployed.Service, who func(i int) google.Person) func(context.Context, int) error {
		return func(ctx context.Context, i int) error { return s.send(ctx, of, who(i), "Space created") }
	}
	r.title(fmt.Sprintf("\n%d requests a second for %d s, Google and Firestore %v away", perSecond, p.seconds, wire))
	for _, c := range []struct {
		name string
		most float64
		act  func(ctx context.Context, i int) error
	}{
		{"the least work", 0, event(least, func(int) google.Person { return s.people[0] })},
		{"an event, the person seen", 22, event(chat, func(i int) google.Person { return s.people[i%approving] })},
		{"... not seen", 43, event(chat, func(int) google.Person {
			return s.people[(p.people/2+int(unseen.Add(1)))%p.people]
		})},
		{"... whose access token is over", 65, event(chat, func(int) google.Person { return s.expired() })},
		{"/callback", 65, func(ctx context.Context, _ int) error {
			back := <-returning
			_, err := s.ask(back.WithContext(ctx), http.StatusSeeOther, "")
			return err
		}},
		{"a create over HTTP", 68, func(ctx context.Context, i int) error {
			return s.create(ctx, services["CreateSpace"], s.people[i%approving])
		}},
	} {
		for i := range warming { // connections, and who is seen
			if err := c.act(ctx, i); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		s.google.Prune()
		s.slow.Store(int64(wire))
		s.emulator.slow.Store(int64(wire))
		took, err := openLoop(ctx, n, c.act)
		s.slow.Store(0)
		s.emulator.slow.Store(0)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
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
			s.google.Prune()
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

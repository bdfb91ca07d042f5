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
	perSecond = 50                    // requests in the open loop
	wireDelay = 20 * time.Millisecond // of Google and Firestore
	warmup    = 100                   // requests before the measured ones
)

// setDelay delays the responses of Google and Firestore.
func (b *testbed) setDelay(delay time.Duration) {
	b.delay.Store(int64(delay))
	b.emulator.delay.Store(int64(delay))
}

// measureLatency measures an open loop: requests start at fixed times, whether
// earlier ones have finished or not, and Google and Firestore take wireDelay.
func measureLatency(ctx context.Context, b *testbed, p plan, r *report) error {
	baseline, err := b.startBaseline(ctx)
	if err != nil {
		return err
	}
	services := map[string]*deployed.Service{}
	for _, target := range []string{"ChatEvent", "OAuthCallback", "CreateSpace"} {
		if services[target], err = b.start(ctx, target); err != nil {
			return err
		}
	}
	chat := services["ChatEvent"]
	if err := measureSequential(ctx, b, baseline, chat, r); err != nil {
		return err
	}
	n := p.seconds * perSecond
	callbacks := make(chan *http.Request, n+warmup)
	invitations := make(chan invitation, n+warmup)
	if err := b.invite(ctx, invitations, n+warmup); err != nil {
		return err
	}
	for range n + warmup {
		callback, err := b.allow(ctx, <-invitations)
		if err != nil {
			return err
		}
		callbacks <- callback
	}
	var uncached atomic.Int64 // starts after the half of the people that the ratios use
	event := func(to *deployed.Service, person func(i int) google.Person) func(context.Context, int) error {
		return func(ctx context.Context, i int) error { return b.send(ctx, to, person(i), "Space created") }
	}
	r.title(fmt.Sprintf("\n%d requests a second for %d s, Google and Firestore %v away",
		perSecond, p.seconds, wireDelay))
	for _, c := range []struct {
		name   string
		target float64
		run    func(ctx context.Context, i int) error
	}{
		{"the baseline", 0, event(baseline, func(int) google.Person { return b.people[0] })},
		{"an event, grant cached", 22, event(chat, func(i int) google.Person { return b.people[i%approving] })},
		{"... grant not cached", 43, event(chat, func(int) google.Person {
			return b.people[(p.people/2+int(uncached.Add(1)))%p.people]
		})},
		{"... access token expired", 65, event(chat, func(int) google.Person { return b.expiredPerson() })},
		{"/callback", 65, func(ctx context.Context, _ int) error {
			callback := <-callbacks
			return b.do(callback.WithContext(ctx), http.StatusSeeOther, "")
		}},
		{"a create over HTTP", 68, func(ctx context.Context, i int) error {
			return b.create(ctx, services["CreateSpace"], b.people[i%approving])
		}},
	} {
		for i := range warmup { // opens connections and fills the grant cache
			if err := c.run(ctx, i); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		b.google.Prune()
		b.setDelay(wireDelay)
		times, err := openLoop(ctx, n, c.run)
		b.setDelay(0)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		note := fmt.Sprintf("p95 %.1f, p99 %.1f, most %.1f ms",
			percentile(times, 95), percentile(times, 99), percentile(times, 100))
		r.line("p50, "+c.name, percentile(times, 50), c.target, "ms", note)
	}
	return nil
}

// measureSequential measures one event at a time, without delays, alternating between the baseline and chat.
func measureSequential(ctx context.Context, b *testbed, baseline, chat *deployed.Service, r *report) error {
	times := map[*deployed.Service][]float64{}
	for i := range 2_000 {
		if i%500 == 0 {
			b.google.Prune()
		}
		for _, service := range []*deployed.Service{baseline, chat} {
			start := time.Now()
			if err := b.send(ctx, service, b.people[i%approving], "Space created"); err != nil {
				return err
			}
			if i >= warmup {
				times[service] = append(times[service], float64(time.Since(start).Microseconds())/1000)
			}
		}
	}
	for _, t := range times {
		slices.Sort(t)
	}
	r.title("\nOne event after the other, Google on this machine")
	line := func(label string, service *deployed.Service) {
		note := fmt.Sprintf("p99 %.2f ms", percentile(times[service], 99))
		r.line("p50, "+label, percentile(times[service], 50), 0, "ms", note)
	}
	line("the baseline", baseline)
	line("an event, grant cached", chat)
	return nil
}

// openLoop starts n operations on schedule and returns their sorted durations in
// milliseconds, each from its scheduled time.
func openLoop(ctx context.Context, n int, op func(ctx context.Context, i int) error) ([]float64, error) {
	times, errs := make([]float64, n), make(chan error, n)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range n {
		due := start.Add(time.Duration(i) * time.Second / perSecond)
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		wg.Go(func() {
			if err := op(ctx, i); err != nil {
				errs <- err
			}
			times[i] = float64(time.Since(due).Microseconds()) / 1000
		})
	}
	wg.Wait()
	close(errs)
	slices.Sort(times)
	return times, <-errs
}

// percentile returns a percentile of sorted values.
func percentile(sorted []float64, percent int) float64 {
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)]
}

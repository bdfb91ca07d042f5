package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"example.com/deputy/internal/deployed"
)

// starts measures how long it takes from exec to the first right answer to an
// event, and what an idle instance has in memory.
func starts(ctx context.Context, s *stage, p plan, r *report) error {
	took, rss, own, err := s.colds(ctx, p.starts)
	if err != nil {
		return err
	}
	s.slow.Store(int64(wire))
	s.emulator.slow.Store(int64(wire))
	far, _, _, err := s.colds(ctx, p.starts)
	s.slow.Store(0)
	s.emulator.slow.Store(0)
	if err != nil {
		return err
	}
	r.title(fmt.Sprintf("\nA cold start, median of %d", p.starts))
	r.line("exec to the first right answer", median(took), 24, "ms", "")
	r.line("... Google and Firestore 20 ms away", median(far), 0, "ms", "")
	r.line("memory, idle after one event (own pages)", median(own), 25, "MB", fmt.Sprintf("%.1f MB with the binary's pages", median(rss)))
	return nil
}

// colds are n cold starts: milliseconds, and MB in memory half a second later.
func (s *stage) colds(ctx context.Context, n int) (took, rss, own []float64, err error) {
	for range n {
		one, started, err := s.cold(ctx)
		if err != nil {
			return nil, nil, nil, err
		}
		took = append(took, float64(one.Microseconds())/1000)
		select { // idle
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return nil, nil, nil, ctx.Err()
		}
		all, anon, err := memory(started.Cmd.Process.Pid)
		if err != nil {
			return nil, nil, nil, err
		}
		rss, own = append(rss, all), append(own, anon)
		started.Stop()
	}
	return took, rss, own, nil
}

// cold starts ChatEvent with an event waiting for it.
func (s *stage) cold(ctx context.Context) (time.Duration, *deployed.Service, error) {
	address, err := deployed.FreeAddress()
	if err != nil {
		return 0, nil, err
	}
	body, client := s.event(s.people[0]), &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	began := time.Now()
	f, err := deployed.Start(s.binary, address, "ChatEvent", s.env...)
	if err != nil {
		return 0, nil, err
	}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/", bytes.NewReader(body))
		if err != nil {
			return 0, nil, err
		}
		req.Header.Set("Authorization", "Bearer "+s.chat)
		res, err := client.Do(req)
		if err != nil {
			if time.Since(began) > 20*time.Second {
				return 0, nil, fmt.Errorf("it does not listen: %s", f.Log)
			}
			time.Sleep(200 * time.Microsecond)
			continue
		}
		var answer bytes.Buffer
		_, err = answer.ReadFrom(res.Body)
		_ = res.Body.Close()
		took := time.Since(began)
		if err != nil || res.StatusCode != http.StatusOK || !bytes.Contains(answer.Bytes(), []byte("Space created")) {
			return 0, nil, fmt.Errorf("status %d: %.300s; log: %s", res.StatusCode, answer.Bytes(), f.Log)
		}
		return took, f, nil
	}
}

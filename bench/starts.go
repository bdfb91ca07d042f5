package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"example.com/deputy/internal/deployed"
)

// measureStarts measures the time from exec to the first successful response to
// an event, and the memory of an idle instance.
func measureStarts(ctx context.Context, b *testbed, p plan, r *report) error {
	times, rss, own, err := b.coldStarts(ctx, p.starts)
	if err != nil {
		return err
	}
	b.setDelay(wireDelay)
	delayed, _, _, err := b.coldStarts(ctx, p.starts)
	b.setDelay(0)
	if err != nil {
		return err
	}
	r.title(fmt.Sprintf("\nA cold start, median of %d", p.starts))
	r.line("exec to the first successful response", median(times), 24, "ms", "")
	r.line("... Google and Firestore 20 ms away", median(delayed), 0, "ms", "")
	r.line("memory, idle after one event (own pages)", median(own), 25, "MB",
		fmt.Sprintf("%.1f MB with the binary's pages", median(rss)))
	return nil
}

// coldStarts returns the times of n cold starts in milliseconds, and the memory half a second later in MB.
func (b *testbed) coldStarts(ctx context.Context, n int) (times, rss, own []float64, err error) {
	for range n {
		took, f, err := b.coldStart(ctx)
		if err != nil {
			return nil, nil, nil, err
		}
		times = append(times, float64(took.Microseconds())/1000)
		select { // idle
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return nil, nil, nil, ctx.Err()
		}
		total, anon, err := memory(f.Cmd.Process.Pid)
		if err != nil {
			return nil, nil, nil, err
		}
		rss, own = append(rss, total), append(own, anon)
		f.Stop()
	}
	return times, rss, own, nil
}

// coldStart starts ChatEvent and sends it an event until it responds.
func (b *testbed) coldStart(ctx context.Context) (time.Duration, *deployed.Service, error) {
	address, err := deployed.FreeAddress()
	if err != nil {
		return 0, nil, err
	}
	body, client := b.event(b.people[0]), &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	start := time.Now()
	f, err := deployed.Start(b.binary, address, "ChatEvent", b.env...)
	if err != nil {
		return 0, nil, err
	}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/", bytes.NewReader(body))
		if err != nil {
			return 0, nil, err
		}
		req.Header.Set("Authorization", "Bearer "+b.chatToken)
		res, err := client.Do(req)
		if err != nil {
			if time.Since(start) > 20*time.Second {
				return 0, nil, fmt.Errorf("ChatEvent does not listen after 20 seconds; log: %s", f.Log)
			}
			time.Sleep(200 * time.Microsecond)
			continue
		}
		var text bytes.Buffer
		_, err = text.ReadFrom(res.Body)
		_ = res.Body.Close()
		took := time.Since(start)
		if err != nil || res.StatusCode != http.StatusOK || !bytes.Contains(text.Bytes(), []byte("Space created")) {
			return 0, nil, fmt.Errorf("status %d: %.300s; log: %s", res.StatusCode, text.Bytes(), f.Log)
		}
		return took, f, nil
	}
}

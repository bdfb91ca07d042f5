package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/deployed"
)

// writeProfiles writes a CPU profile of each function at its most frequent task.
func writeProfiles(ctx context.Context, b *testbed, p plan) error {
	for _, c := range []struct {
		name, target string
		run          func(context.Context, *deployed.Service, int) error
	}{
		{"cached", "ChatEvent", func(ctx context.Context, f *deployed.Service, i int) error {
			return b.send(ctx, f, b.people[i%approving], "Space created")
		}},
		{"prompt", "ChatEvent", func(ctx context.Context, f *deployed.Service, i int) error {
			stranger := google.Person{Email: "somebody@example.com", Domain: "example.com"}
			stranger.Sub = fmt.Sprintf("5%020d", i)
			return b.send(ctx, f, stranger, "REQUEST_CONFIG")
		}},
		{"create", "CreateSpace", func(ctx context.Context, f *deployed.Service, i int) error {
			return b.create(ctx, f, b.people[i%approving])
		}},
	} {
		address, err := deployed.FreeAddress()
		if err != nil {
			return err
		}
		f, err := b.start(ctx, c.target, "PPROF="+strings.TrimPrefix(address, "http://"))
		if err != nil {
			return err
		}
		done := make(chan error, 1)
		go func() {
			done <- save(ctx, address+"/debug/pprof/profile?seconds=10", filepath.Join(p.profileDir, c.name+".pprof"))
		}()
		for i := 0; ; i += p.ops {
			b.google.Prune()
			run := func(ctx context.Context, k int) error { return c.run(ctx, f, i+k) }
			if err := runConcurrently(ctx, workers, p.ops, run); err != nil {
				return err
			}
			select {
			case err = <-done:
			default:
				continue
			}
			break
		}
		if err != nil {
			return err
		}
		f.Stop()
	}
	return nil
}

// save downloads url to a file.
func save(ctx context.Context, url, file string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

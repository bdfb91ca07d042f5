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

// profiles writes a CPU profile of each function at its most frequent task.
func profiles(ctx context.Context, s *stage, p plan) error {
	for _, c := range []struct {
		name, target string
		act          func(context.Context, *deployed.Service, int) error
	}{
		{"seen", "ChatEvent", func(ctx context.Context, f *deployed.Service, i int) error {
			return s.send(ctx, f, s.people[i%approving], "Space created")
		}},
		{"prompt", "ChatEvent", func(ctx context.Context, f *deployed.Service, i int) error {
			return s.send(ctx, f, google.Person{Sub: fmt.Sprintf("5%020d", i), Email: "somebody@example.com", Domain: "example.com"}, "REQUEST_CONFIG")
		}},
		{"create", "CreateSpace", func(ctx context.Context, f *deployed.Service, i int) error {
			return s.create(ctx, f, s.people[i%approving])
		}},
	} {
		address, err := deployed.FreeAddress()
		if err != nil {
			return err
		}
		f, err := s.start(ctx, c.target, "PPROF="+strings.TrimPrefix(address, "http://"))
		if err != nil {
			return err
		}
		done := make(chan error, 1)
		go func() {
			done <- save(ctx, address+"/debug/pprof/profile?seconds=10", filepath.Join(p.profile, c.name+".pprof"))
		}()
		for i := 0; ; i += p.acts {
			s.google.Prune()
			if err := crowd(ctx, workers, p.acts, func(ctx context.Context, k int) error { return c.act(ctx, f, i+k) }); err != nil {
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

func save(ctx context.Context, address, file string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
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

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// growth looks whether an instance is larger after a million events of all the
// people than after the first tenth of them.
func growth(ctx context.Context, s *stage, p plan, r *report) error {
	if p.growth == 0 {
		return nil
	}
	chat, err := s.start(ctx, "ChatEvent", "LOG_LEVEL=ERROR")
	if err != nil {
		return err
	}
	pid, part := chat.Cmd.Process.Pid, max(p.growth/10, 1)
	var first, last float64
	began, open := time.Now(), 0
	for done := 0; done < p.growth; done += part {
		for left := part; left > 0; left -= 1000 {
			s.google.Prune()
			s.chat = s.google.ChatToken() // as Chat does, long before the one before is over
			if err := crowd(ctx, 8, min(left, 1000), func(ctx context.Context, _ int) error {
				err := s.send(ctx, chat, s.people[rand.IntN(p.people)], "Space created") //nolint:gosec // a sample
				return err
			}); err != nil {
				return err
			}
		}
		if _, last, err = memory(pid); err != nil {
			return err
		}
		if done == 0 {
			first, open = last, files(pid)
		}
		fmt.Printf("  after %8d events: %.1f MB of its own, %d open files, %.0f events/s\n", done+part, last, files(pid), float64(done+part)/time.Since(began).Seconds())
	}
	r.title(fmt.Sprintf("\nAfter %d events of %d people, against after the first tenth", p.growth, p.people))
	r.line("memory", last/first, 1.1, "x", fmt.Sprintf("%.1f MB, then %.1f MB", first, last))
	r.line("open files and connections", float64(files(pid))/float64(open), 1.1, "x", "")
	return nil
}

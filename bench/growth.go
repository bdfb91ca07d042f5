package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// measureGrowth compares an instance after all events with the same instance after the first tenth of them.
func measureGrowth(ctx context.Context, b *testbed, p plan, r *report) error {
	if p.growth == 0 {
		return nil
	}
	chat, err := b.start(ctx, "ChatEvent", "LOG_LEVEL=ERROR")
	if err != nil {
		return err
	}
	pid, tenth := chat.Cmd.Process.Pid, max(p.growth/10, 1)
	var first, last float64
	start, firstFiles := time.Now(), 0
	event := func(ctx context.Context, _ int) error {
		return b.send(ctx, chat, b.people[rand.IntN(p.people)], "Space created") //nolint:gosec // a sample
	}
	for done := 0; done < p.growth; done += tenth {
		for left := tenth; left > 0; left -= 1000 {
			b.google.Prune()
			b.chatToken = b.google.ChatToken() // well before the last one expires
			if err := runConcurrently(ctx, 8, min(left, 1000), event); err != nil {
				return err
			}
		}
		if _, last, err = memory(pid); err != nil {
			return err
		}
		if done == 0 {
			first, firstFiles = last, openFiles(pid)
		}
		fmt.Printf("  after %8d events: %.1f MB of its own, %d open files, %.0f events/s\n",
			done+tenth, last, openFiles(pid), float64(done+tenth)/time.Since(start).Seconds())
	}
	r.title(fmt.Sprintf("\nAfter %d events of %d people, as a ratio to the first tenth", p.growth, p.people))
	r.line("memory", last/first, 1.1, "x", fmt.Sprintf("%.1f MB, then %.1f MB", first, last))
	r.line("open files and connections", float64(openFiles(pid))/float64(firstFiles), 1.1, "x", "")
	return nil
}

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/deployed"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/resource"
)

// workers is the number of concurrent operations while CPU time is measured.
const workers = 4

// subject is an operation whose CPU time is measured.
type subject struct {
	name    string
	target  float64 // times the baseline, 0 for none
	service *deployed.Service
	query   string // of a baseline with the same calls to Firestore and Google, if any
	run     func(ctx context.Context, i int) error
}

// measureRatios measures the CPU time of each operation, in the function's process alone, as a ratio to the baseline.
// It reports medians of alternating rounds.
func measureRatios(ctx context.Context, b *testbed, p plan, r *report) error {
	baseline, err := b.startBaseline(ctx)
	if err != nil {
		return err
	}
	chat, err := b.start(ctx, "ChatEvent")
	if err != nil {
		return err
	}
	callback, err := b.start(ctx, "OAuthCallback")
	if err != nil {
		return err
	}
	api, err := b.start(ctx, "CreateSpace")
	if err != nil {
		return err
	}
	var uncached, strangers, sent atomic.Int64
	tokens := make([]string, 1_500) // more than the cache of verified tokens holds
	for i := range tokens {
		now := time.Now()
		tokens[i] = b.google.SignChat(map[string]any{
			"iss": "chat@system.gserviceaccount.com", "aud": projectNumber,
			"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": i,
		})
	}
	zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 1, uint64(p.people-1)) //nolint:gosec // a sample
	order := make([]int, 1<<16)
	for i := range order {
		order[i] = int(zipf.Uint64()) //nolint:gosec // less than p.people
	}
	cached := func(i int) google.Person { return b.people[i%approving] }
	event := func(person func(i int) google.Person) func(context.Context, int) error {
		return func(ctx context.Context, i int) error {
			return b.send(ctx, chat, person(i), "Space created")
		}
	}
	invitations := make(chan invitation, p.ops)
	subjects := []subject{
		{"the baseline", 0, baseline, "", func(ctx context.Context, _ int) error {
			return b.send(ctx, baseline, b.people[0], "Space created")
		}},
		{"an event, grant cached", 1.3, chat, "", event(cached)},
		{"... with another token each time", 0, chat, "", func(ctx context.Context, i int) error {
			token := tokens[sent.Add(1)%int64(len(tokens))]
			return b.sendTo(ctx, chat.Address+"/", cached(i), "Space created", token)
		}},
		{"... grant not cached", 1.9, chat, "?reads=1", event(func(int) google.Person {
			return b.people[approving+int(uncached.Add(1))%(p.people-approving)]
		})},
		{"... uniform over all people", 0, chat, "", event(func(int) google.Person {
			return b.people[rand.IntN(p.people)] //nolint:gosec // a sample
		})},
		{"... Zipf (1.1) over all people", 0, chat, "", event(func(i int) google.Person {
			return b.people[order[i%len(order)]]
		})},
		{"... access token expired", 0, chat, "?reads=1&writes=1&calls=2", event(func(int) google.Person {
			return b.expiredPerson()
		})},
		{"a prompt to connect", 0, chat, "?reads=1&calls=0", func(ctx context.Context, _ int) error {
			stranger := google.Person{
				Sub: fmt.Sprintf("4%020d", strangers.Add(1)), Name: "Somebody",
				Email: "somebody@example.com", Domain: "example.com",
			}
			return b.send(ctx, chat, stranger, "REQUEST_CONFIG")
		}},
		{"/start and /callback together", 3.0, callback, "?reads=3&writes=4", func(ctx context.Context, _ int) error {
			return b.connect(ctx, <-invitations)
		}},
		{"a create over HTTP", 2.5, api, "?reads=1&writes=3", func(ctx context.Context, i int) error {
			return b.create(ctx, api, cached(i))
		}},
	}
	named := len(subjects)
	for _, s := range subjects[:named] {
		if s.query != "" {
			run := func(ctx context.Context, _ int) error {
				return b.sendTo(ctx, baseline.Address+"/"+s.query, b.people[0], "Space created", b.chatToken)
			}
			subjects = append(subjects, subject{name: s.query, service: baseline, run: run})
		}
	}
	times := make([][]float64, len(subjects)) // microseconds, by subject and round
	for round := range p.rounds + 1 {         // the first round warms up
		for i, s := range subjects {
			if s.service == callback {
				if err := b.invite(ctx, invitations, p.ops); err != nil {
					return err
				}
			}
			b.google.Prune()
			pid := s.service.Cmd.Process.Pid
			before, err := cpuTime(pid)
			if err != nil {
				return err
			}
			if err := runConcurrently(ctx, workers, p.ops, s.run); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			after, err := cpuTime(pid)
			if err != nil {
				return err
			}
			if round > 0 {
				times[i] = append(times[i], float64((after-before).Microseconds())/float64(p.ops))
			}
		}
	}
	r.title("CPU time of an operation in the function's process: microseconds, and times the baseline of the same" +
		" round (lowest to highest round)")
	ratios := func(i, j int) []float64 {
		out := make([]float64, p.rounds)
		for round := range out {
			out[round] = times[i][round] / times[j][round]
		}
		return out
	}
	for i, s := range subjects[:named] {
		ratio := ratios(i, 0)
		note := fmt.Sprintf("%s; %.0f µs", span(ratio), median(times[i]))
		if s.query != "" {
			same := slices.IndexFunc(subjects[named:], func(o subject) bool { return o.name == s.query })
			ratio := ratios(i, named+same)
			query := strings.NewReplacer("?", "", "&", ", ").Replace(s.query)
			note += fmt.Sprintf("; %.2f x (%s) the baseline with %s", median(ratio), span(ratio), query)
		}
		r.line(s.name, median(ratio), s.target, "x", note)
	}
	return countCalls(ctx, b, chat, r)
}

// invitation is an invitation's link and its person.
type invitation struct {
	link   string
	person google.Person
}

// invite sends n new invitations. Each is for a person of its own, so that no two consents write the same record.
func (b *testbed) invite(ctx context.Context, invitations chan<- invitation, n int) error {
	for range n {
		k := b.guests.Add(1)
		guest := google.Person{
			Sub: fmt.Sprintf("6%020d", k), Name: fmt.Sprintf("Guest %d", k),
			Email: fmt.Sprintf("guest-%d@example.com", k), Domain: "example.com",
		}
		b.google.AddAccount(guest)
		link, err := b.flow.Invite(ctx, resource.Named(guest.User()), config.Secret{}, capability.CreateSpaces)
		if err != nil {
			return err
		}
		invitations <- invitation{link.Reveal(), guest}
	}
	return nil
}

// countCalls reports the emulator's count of calls and connections for an event of a person whose grant is cached.
func countCalls(ctx context.Context, b *testbed, chat *deployed.Service, r *report) error {
	const events = 200
	b.google.Prune()
	before := sum(b.net.Connections())
	if err := runConcurrently(ctx, workers, events, func(ctx context.Context, i int) error {
		return b.send(ctx, chat, b.people[i%approving], "Space created")
	}); err != nil {
		return err
	}
	setups := b.google.Count("chat.spaces.setup")
	r.title("\nCalls of an event with a cached grant, counted by the emulator")
	r.line("calls to Google besides spaces.setup", float64(len(b.google.Calls())-setups)/events, 0.0001, "", "")
	r.line("spaces.setup", float64(setups)/events, 1, "", "")
	r.line("new connections to Google", float64(sum(b.net.Connections())-before)/events, 0.0001, "", "")
	return nil
}

func sum(counts map[string]int) (total int) {
	for _, n := range counts {
		total += n
	}
	return total
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted)%2 == 0 {
		return (sorted[len(sorted)/2-1] + sorted[len(sorted)/2]) / 2
	}
	return sorted[len(sorted)/2]
}

// span returns the lowest and the highest value as text.
func span(values []float64) string {
	return fmt.Sprintf("%.2f to %.2f", slices.Min(values), slices.Max(values))
}

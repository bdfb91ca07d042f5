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

// workers are how many acts are under way at once while CPU is measured.
const workers = 4

// subject is something whose CPU is measured.
type subject struct {
	name string
	most float64 // times the least work; 0: no target
	of   *deployed.Service
	work string // what it asks of Firestore and of Google, as the least work takes it; may be empty
	act  func(ctx context.Context, i int) error
}

// ratios measures the CPU time of each act, of the function's process alone,
// against the least work: medians of ratios of alternating rounds.
func ratios(ctx context.Context, s *stage, p plan, r *report) error {
	least, err := s.least(ctx)
	if err != nil {
		return err
	}
	chat, err := s.start(ctx, "ChatEvent")
	if err != nil {
		return err
	}
	callback, err := s.start(ctx, "OAuthCallback")
	if err != nil {
		return err
	}
	api, err := s.start(ctx, "CreateSpace")
	if err != nil {
		return err
	}
	var fresh, strangers, another atomic.Int64
	tokens := make([]string, 1_500) // more than are remembered
	for i := range tokens {
		tokens[i] = s.google.SignChat(map[string]any{"iss": "chat@system.gserviceaccount.com", "aud": projectNumber, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(), "jti": i})
	}
	zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 1, uint64(p.people-1)) //nolint:gosec // a sample
	order := make([]int, 1<<16)
	for i := range order {
		order[i] = int(zipf.Uint64()) //nolint:gosec // less than the people
	}
	event := func(person func(i int) google.Person) func(context.Context, int) error {
		return func(ctx context.Context, i int) error {
			return s.send(ctx, chat, person(i), "Space created")
		}
	}
	links := make(chan invited, p.acts)
	subjects := []subject{
		{"the least work", 0, least, "", func(ctx context.Context, _ int) error {
			return s.send(ctx, least, s.people[0], "Space created")
		}},
		{"an event, the person seen", 1.3, chat, "", event(func(i int) google.Person { return s.people[i%approving] })},
		{"... and another token each time", 0, chat, "", func(ctx context.Context, i int) error {
			n := another.Add(1)
			return s.sendTo(ctx, chat.Address+"/", s.people[i%approving], "Space created", tokens[n%int64(len(tokens))])
		}},
		{"... not seen", 1.9, chat, "?reads=1", event(func(int) google.Person { return s.people[approving+int(fresh.Add(1))%(p.people-approving)] })},
		{"... uniform over all people", 0, chat, "", event(func(int) google.Person { return s.people[rand.IntN(p.people)] })}, //nolint:gosec // a sample
		{"... Zipf (1.1) over all people", 0, chat, "", event(func(i int) google.Person { return s.people[order[i%len(order)]] })},
		{"... whose access token is over", 0, chat, "?reads=2&writes=1&calls=2", event(func(int) google.Person { return s.expired() })},
		{"a prompt to connect", 0, chat, "?reads=1&calls=0", func(ctx context.Context, _ int) error {
			n := strangers.Add(1)
			return s.send(ctx, chat, google.Person{Sub: fmt.Sprintf("4%020d", n), Name: "Somebody", Email: "somebody@example.com", Domain: "example.com"}, "REQUEST_CONFIG")
		}},
		{"/start and /callback together", 3.0, callback, "?reads=3&writes=3", func(ctx context.Context, _ int) error {
			one := <-links
			return s.consent(ctx, one.link, one.who)
		}},
		{"a create over HTTP", 2.5, api, "?reads=1&writes=3", func(ctx context.Context, i int) error { return s.create(ctx, api, s.people[i%approving]) }},
	}
	own := len(subjects)
	for _, one := range subjects[:own] { // the same with as many calls
		if one.work != "" {
			subjects = append(subjects, subject{name: one.work, of: least, act: func(ctx context.Context, _ int) error {
				return s.sendTo(ctx, least.Address+"/"+one.work, s.people[0], "Space created", s.chat)
			}})
		}
	}
	times := make([][]float64, len(subjects))
	for round := range p.rounds + 1 { // the first warms up
		for at, one := range subjects {
			if one.of == callback {
				if err := s.invite(ctx, links, p.acts); err != nil {
					return err
				}
			}
			s.google.Prune()
			before, err := cpu(one.of.Cmd.Process.Pid)
			if err != nil {
				return err
			}
			if err := crowd(ctx, workers, p.acts, one.act); err != nil {
				return fmt.Errorf("%s: %w", one.name, err)
			}
			after, err := cpu(one.of.Cmd.Process.Pid)
			if err != nil {
				return err
			}
			if round > 0 {
				times[at] = append(times[at], float64((after-before).Microseconds())/float64(p.acts))
			}
		}
	}
	r.title("CPU of an act, of the function's process: microseconds, and times the least work of the same round (lowest to highest round)")
	against := func(at, of int) []float64 {
		each := make([]float64, p.rounds)
		for i := range each {
			each[i] = times[at][i] / times[of][i]
		}
		return each
	}
	for at, one := range subjects[:own] {
		ratio := against(at, 0)
		more := fmt.Sprintf("%s; %.0f µs", span(ratio), median(times[at]))
		if one.work != "" {
			of := slices.IndexFunc(subjects[own:], func(o subject) bool { return o.name == one.work })
			same := against(at, own+of)
			more += fmt.Sprintf("; %.2f x (%s) the least work with %s", median(same), span(same), strings.NewReplacer("?", "", "&", ", ").Replace(one.work))
		}
		r.line(one.name, median(ratio), one.most, "x", more)
	}
	return counts(ctx, s, chat, r)
}

// invite makes n links that nobody has used, each for an account of its own, so
// that no two consents write the same record.
func (s *stage) invite(ctx context.Context, links chan<- invited, n int) error {
	for range n {
		k := s.guests.Add(1)
		who := google.Person{Sub: fmt.Sprintf("6%020d", k), Name: fmt.Sprintf("Guest %d", k), Email: fmt.Sprintf("guest-%d@example.com", k), Domain: "example.com"}
		s.google.AddAccount(who)
		link, err := s.flow.Invite(ctx, resource.Named(who.User()), config.Secret{}, capability.CreateSpaces)
		if err != nil {
			return err
		}
		links <- invited{link.Reveal(), who}
	}
	return nil
}

// invited is a link and whom it is for.
type invited struct {
	link string
	who  google.Person
}

// counts tells what an event of somebody seen asks of Google, by the stand-in's
// own counters.
func counts(ctx context.Context, s *stage, chat *deployed.Service, r *report) error {
	const events = 200
	s.google.Prune()
	before := connections(s.net.Asked())
	if err := crowd(ctx, workers, events, func(ctx context.Context, i int) error {
		return s.send(ctx, chat, s.people[i%approving], "Space created")
	}); err != nil {
		return err
	}
	r.title("\nWhat an event of somebody seen asks of others, by the stand-in's counters")
	r.line("calls to Google besides spaces.setup", float64(len(s.google.Calls())-s.google.Count("chat.spaces.setup"))/events, 0.0001, "", "")
	r.line("spaces.setup", float64(s.google.Count("chat.spaces.setup"))/events, 1, "", "")
	r.line("new connections to Google", float64(connections(s.net.Asked())-before)/events, 0.0001, "", "")
	return nil
}

func connections(by map[string]int) (n int) {
	for _, of := range by {
		n += of
	}
	return n
}

func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	if len(sorted)%2 == 0 {
		return (sorted[len(sorted)/2-1] + sorted[len(sorted)/2]) / 2
	}
	return sorted[len(sorted)/2]
}

// span is the lowest and the highest of several.
func span(of []float64) string { return fmt.Sprintf("%.2f to %.2f", slices.Min(of), slices.Max(of)) }

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"example.com/deputy/internal/deployed"
	"example.com/deputy/internal/standin/google"
	"example.com/deputy/shared/userauth"
)

// workers are how many acts are under way at once while CPU is measured.
const workers = 4

// subject is something whose CPU is measured.
type subject struct {
	name  string
	most  float64 // times the least work; 0: no target
	of    *deployed.Service
	store string // what of Firestore it asks, as the least work takes it; may be empty
	act   func(ctx context.Context, i int) error
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
	var fresh, strangers, expired, another atomic.Int64
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
		{"an event, the person seen", 1.7, chat, "", event(func(i int) google.Person { return s.people[i%approving] })},
		{"... and another token each time", 0, chat, "", func(ctx context.Context, i int) error {
			n := another.Add(1)
			return s.sendTo(ctx, chat.Address+"/", s.people[i%approving], "Space created", tokens[n%int64(len(tokens))])
		}},
		{"... not seen", 0, chat, "?reads=1&writes=0", event(func(int) google.Person { return s.people[approving+int(fresh.Add(1))%(p.people-approving)] })},
		{"... uniform over all people", 0, chat, "", event(func(int) google.Person { return s.people[rand.IntN(p.people)] })}, //nolint:gosec // a sample
		{"... Zipf (1.1) over all people", 0, chat, "", event(func(i int) google.Person { return s.people[order[i%len(order)]] })},
		{"... whose access token is over", 0, chat, "?reads=2&writes=1", event(func(int) google.Person { return s.people[p.people+int(expired.Add(1))%expiring] })},
		{"a prompt to connect", 1.5, chat, "?reads=1&writes=0", func(ctx context.Context, _ int) error {
			n := strangers.Add(1)
			return s.send(ctx, chat, google.Person{Sub: fmt.Sprintf("4%020d", n), Name: "Somebody", Email: "somebody@example.com", Domain: "example.com"}, "REQUEST_CONFIG")
		}},
		{"/start and /callback together", 3.5, callback, "?reads=3&writes=3", func(ctx context.Context, _ int) error {
			one := <-links
			return s.consent(ctx, one.link, one.who)
		}},
		{"a create over HTTP", 1.9, api, "?reads=4&writes=3", func(ctx context.Context, i int) error { return s.create(ctx, api, s.people[i%approving]) }},
	}
	own := len(subjects)
	for _, one := range subjects[:own] { // the same with as much of Firestore
		if one.store != "" {
			subjects = append(subjects, subject{name: one.store, of: least, act: func(ctx context.Context, _ int) error {
				return s.sendTo(ctx, least.Address+"/"+one.store, s.people[0], "Space created", s.chat)
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
			s.google.Tidy()
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
	r.title("CPU of an act, of the function's process: microseconds, and times the least work of the same round")
	against := func(at, of int) float64 {
		each := make([]float64, p.rounds)
		for i := range each {
			each[i] = times[at][i] / times[of][i]
		}
		return median(each)
	}
	for at, one := range subjects[:own] {
		more := fmt.Sprintf("%.0f µs", median(times[at]))
		if one.store != "" {
			of := slices.IndexFunc(subjects[own:], func(o subject) bool { return o.name == one.store })
			more += fmt.Sprintf("; %.2f x the least work with %s", against(at, own+of), strings.NewReplacer("?", "", "&", ", ").Replace(one.store))
		}
		r.line(one.name, against(at, 0), one.most, "x", more)
	}
	return counts(ctx, s, chat, r)
}

// invite makes links that nobody has used, for those who are known to the
// stand-in.
func (s *stage) invite(ctx context.Context, links chan<- invited, n int) error {
	for i := range n {
		who := google.People()[i%3]
		link, err := s.auth.Invite(ctx, who.User(), "", userauth.CreateSpaces)
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
	s.google.Tidy()
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

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

var loadTime = flag.Duration("load", 3*time.Second,
	"how long the load test runs; ./test.sh --all runs it for two minutes")

const (
	loadPeople  = 200
	loadWorkers = 24
	loadRound   = 3_000 // spaces requested between two checks
)

// loadTest is a program under load whose dependencies fail at random.
type loadTest struct {
	*program
	t            *testing.T
	docs         *memory.Docs
	clock        *clock
	storeDown    atomic.Bool
	googleFaulty atomic.Bool
	people       []google.Person
	chatToken    atomic.Pointer[string]
	requests     atomic.Int64
	outcomes     sync.Map // outcome name to *atomic.Int64
}

// RoundTrip sends a request to Google. While Google is faulty, 5 % are rate
// limited, 2 % fail, 2 % lose their response, and 5 % are delayed.
func (s *loadTest) RoundTrip(r *http.Request) (*http.Response, error) {
	if !s.googleFaulty.Load() {
		return http.DefaultTransport.RoundTrip(r)
	}
	refuse := func(status int) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, r.Body)
		body := fmt.Sprintf(`{"error":{"code":%d,"status":"X","message":"injected fault"}}`, status)
		return newResponse(r, status, body), nil
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	switch n := rand.IntN(100); {
	case n < 5:
		return refuse(http.StatusTooManyRequests)
	case n < 7:
		return refuse(http.StatusInternalServerError)
	case n < 9:
		res, err := http.DefaultTransport.RoundTrip(r)
		if err == nil {
			_ = res.Body.Close()
			err = errors.New("the connection was dropped")
		}
		return nil, err
	case n < 14:
		select {
		case <-time.After(time.Duration(rand.IntN(200)) * time.Millisecond):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}

func newLoadTest(t *testing.T) *loadTest {
	t.Helper()
	s := &loadTest{t: t, docs: &memory.Docs{}, clock: &clock{}}
	docs := &vaulttest.Faulty{Docs: s.docs, Inject: func(context.Context, vaulttest.Call) error {
		if s.storeDown.Load() {
			return &fault.Error{Op: "firestore", Kind: fault.Unavailable, Err: errors.New("injected fault")}
		}
		return nil
	}}
	var err error
	s.program, err = start(t.Context(), options{
		addr: "127.0.0.1:0", log: io.Discard, now: s.clock.now, docs: docs,
		base: s,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	c := caller()
	c.Rate = 1_000_000
	editCallersFile(t, s.program, func(d *callers.Draft) error { return d.Put(c) })
	client, scopes := s.google.ClientID, googleauth.NormalizeScopes(capability.Scopes(capability.CreateSpaces))
	for i := range loadPeople {
		p := google.Person{
			Sub: fmt.Sprintf("3%020d", i), Name: fmt.Sprintf("Person %d", i),
			Email: fmt.Sprintf("person-%d@example.com", i), Domain: "example.com",
		}
		refresh, access := s.google.Connect(p, capability.CreateSpaces.Scope())
		expiry := time.Now().Add(time.Hour)
		if i%2 == 0 {
			expiry = time.Now().Add(-time.Hour) // needs a refresh under load
		}
		g := vault.Grant{
			Person: resource.Person(p.User()), ClientID: client, Scopes: scopes,
			RefreshToken: config.NewSecret(refresh), AccessToken: config.NewSecret(access), AccessExpiry: expiry,
			Status: vault.Connected, Generation: time.Now().UnixMicro(), Email: config.NewSecret(p.Email),
			Domain: p.Domain, ConnectedAt: time.Now(), RefreshDay: time.Now(), LastUsedDay: time.Now(),
			SignedInAt: time.Now(), EmailAt: time.Now(), RefreshedAt: expiry.Add(-time.Hour),
		}
		g.Approve(incidentTool, "user", []string{"spaces.create"}, time.Now())
		if _, err := s.vault.SaveGrant(t.Context(), g); err != nil {
			t.Fatal(err)
		}
		s.people = append(s.people, p)
	}
	s.newToken()
	return s
}

func (s *loadTest) newToken() {
	token := s.google.ChatToken()
	s.chatToken.Store(&token)
}

// spaceRequest asks for one space, in Chat or through the API, until it is created.
type spaceRequest struct {
	person  google.Person
	name    string
	viaAPI  bool
	created bool
}

// request sends r once and reports an unexpected response.
func (s *loadTest) request(r *spaceRequest, key string) {
	var outcome string
	if r.viaAPI {
		status, body := s.createSpace(r, key)
		switch status {
		case http.StatusCreated:
			r.created, outcome = true, "201"
		case http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusConflict:
			outcome = fmt.Sprint(status)
		default:
			s.t.Errorf("the API: %d %s", status, body)
		}
	} else {
		status, body := s.sendCommand(r)
		reply := ""
		for _, text := range []string{
			"Space created", "Something didn't work", "receiving too many requests",
			"isn't responding",
		} {
			if strings.Contains(body, text) && reply == "" {
				reply = text
			}
		}
		if status == http.StatusServiceUnavailable { // Chat's keys are unavailable; Chat redelivers
			reply = "503"
		} else if status != http.StatusOK || reply == "" {
			s.t.Errorf("Chat: %d %s", status, body)
		}
		r.created, outcome = reply == "Space created", reply
	}
	n, _ := s.outcomes.LoadOrStore(outcome, &atomic.Int64{})
	n.(*atomic.Int64).Add(1)
	s.requests.Add(1)
}

func (s *loadTest) sendCommand(r *spaceRequest) (int, string) {
	event := command(r.person, "spaces/DM"+r.person.Sub+"/messages/"+r.name, 5, r.name)
	return s.send("/chatevent", event, "Bearer "+*s.chatToken.Load(), "")
}

func (s *loadTest) createSpace(r *spaceRequest, key string) (int, string) {
	body := map[string]any{"actAs": r.person.User(), "displayName": r.name}
	return s.send("/createspace/v1/spaces", body, (&world{program: s.program, clock: s.clock}).callerToken(nil), key)
}

func (s *loadTest) send(path string, body any, authorization, key string) (int, string) {
	text, err := json.Marshal(body)
	if err != nil {
		s.t.Error(err)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.address+path, bytes.NewReader(text))
	if err != nil {
		s.t.Error(err)
		return 0, ""
	}
	r.Header.Set("Authorization", authorization)
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	answer, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(answer)
}

// runRound requests n spaces from loadWorkers goroutines. Each request is sent
// one to three times, as Chat redelivers and callers retry.
func (s *loadTest) runRound(n, first int) []*spaceRequest {
	requests := make([]*spaceRequest, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range loadWorkers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				r := &spaceRequest{
					person: s.people[rand.IntN(len(s.people))], name: fmt.Sprintf("Plan%d", first+i),
					viaAPI: i%2 == 0,
				}
				requests[i] = r
				for try := 0; try < 1+rand.IntN(3); try++ {
					s.request(r, r.name+"-key")
				}
			}
		})
	}
	wg.Wait()
	return requests
}

func TestUnderLoad(t *testing.T) {
	s := newLoadTest(t)
	began, rounds := time.Now(), 0
	warm := s.finish(s.runRound(loadRound/10, 0))
	end := began.Add(*loadTime)
	first := loadRound
	for rotated := false; time.Now().Before(end) || rounds < 2; rounds++ {
		s.googleFaulty.Store(true)
		if !rotated && (time.Since(began) > *loadTime/2 || rounds == 1) {
			rotated = true
			s.clock.advance(2 * time.Minute) // Google publishes a key long before it signs with it
			s.google.RotateKeys()
		}
		s.newToken()
		var outage *time.Timer
		if rounds == 1 { // Firestore is down for a quarter of the test
			s.storeDown.Store(true)
			outage = time.AfterFunc(*loadTime/4, func() { s.storeDown.Store(false) })
		}
		n := loadRound
		if *loadTime < 10*time.Second {
			n /= 5
		}
		requests := s.runRound(n, first)
		first += n
		if outage != nil {
			outage.Stop()
		}
		s.storeDown.Store(false)
		s.googleFaulty.Store(false)
		after := s.finish(requests)
		if after.goroutines > warm.goroutines+50 {
			t.Errorf("%d goroutines, %d after the first round", after.goroutines, warm.goroutines)
		}
		if grown := float64(after.heap) / float64(warm.heap+(8<<20)); grown > 2 {
			t.Errorf("%d MB in use, %d MB after the first round", after.heap>>20, warm.heap>>20)
		}
	}
	for _, p := range s.people {
		g, err := s.vault.Grant(t.Context(), resource.Person(p.User()))
		if err != nil || g.Status != vault.Connected || g.RefreshToken.Empty() {
			t.Fatalf("the grant of %s is lost: %v %v", p.Name, g.Status, err)
		}
	}
	text := ""
	s.outcomes.Range(func(outcome, n any) bool {
		text += fmt.Sprintf("; %s: %d", outcome, n.(*atomic.Int64).Load())
		return true
	})
	t.Logf("%d requests in %v (%.0f/s), %d rounds%s", s.requests.Load(), time.Since(began).Round(time.Second),
		float64(s.requests.Load())/time.Since(began).Seconds(), rounds, text)
}

// footprint is what the process uses.
type footprint struct {
	goroutines int
	heap       uint64
}

// finish repeats the open requests without faults and checks that each space
// exists once. Then it clears the emulator and the store.
func (s *loadTest) finish(requests []*spaceRequest) footprint {
	s.t.Helper()
	for _, r := range requests {
		for try := 0; !r.created; try++ {
			if try == 200 {
				s.t.Fatalf("%s is still not created", r.name)
			}
			if s.request(r, r.name+"-key"); !r.created {
				s.clock.advance(time.Minute) // another attempt holds the lease, or a failed refresh is cached
				s.newToken()
			}
		}
	}
	count := map[string]int{}
	for _, p := range s.people {
		for _, space := range s.google.SpacesOf(p) {
			if strings.HasPrefix(space.DisplayName, "Plan") {
				count[space.DisplayName]++
			}
		}
	}
	for _, r := range requests {
		if count[r.name] != 1 {
			s.t.Errorf("%s was created %d times", r.name, count[r.name])
		}
	}
	if len(count) != len(requests) {
		s.t.Errorf("%d spaces for %d requests", len(count), len(requests))
	}
	s.google.Prune()
	if err := s.clearDocs(); err != nil {
		s.t.Error(err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return footprint{runtime.NumGoroutine(), m.HeapInuse}
}

// clearDocs deletes documents that Firestore would keep outside the process. The memory store would count them as heap.
func (s *loadTest) clearDocs() error {
	collections := []string{"operations"}
	for _, p := range s.people {
		collections = append(collections, "activity/"+p.Sub+"/acts")
	}
	for _, collection := range collections {
		for {
			docs, err := s.docs.List(context.Background(), vault.Collection(collection), "", 1000)
			if err != nil || len(docs) == 0 {
				if err != nil {
					return err
				}
				break
			}
			for _, doc := range docs {
				if err := s.docs.Delete(context.Background(), vault.Collection(collection), doc.ID,
					doc.Version); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

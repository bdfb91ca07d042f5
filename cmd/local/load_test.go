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

var loadTime = flag.Duration("load", 3*time.Second, "how long the test under load goes; ./test.sh --all lets it go for two minutes")

const (
	loadPeople  = 200
	loadWorkers = 24
	loadRound   = 3_000 // acts between two looks at what was made
)

// storm is a program under load, with everything around it failing now and then.
type storm struct {
	*program
	t       *testing.T
	docs    *memory.Docs
	clock   *clock
	down    atomic.Bool // Firestore
	faulty  atomic.Bool // Google
	people  []google.Person
	token   atomic.Pointer[string] // what Chat sends
	acts    atomic.Int64
	answers sync.Map // what was answered, to *atomic.Int64
}

// RoundTrip is the way to Google: 5 % are told to slow down, 2 % meet a fault,
// 2 % lose the answer of what was done, 5 % wait.
func (s *storm) RoundTrip(r *http.Request) (*http.Response, error) {
	if !s.faulty.Load() {
		return http.DefaultTransport.RoundTrip(r)
	}
	refuse := func(status int) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, r.Body)
		return newResponse(r, status, fmt.Sprintf(`{"error":{"code":%d,"status":"X","message":"a storm"}}`, status)), nil
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

func brew(t *testing.T) *storm {
	t.Helper()
	s := &storm{t: t, docs: &memory.Docs{}, clock: &clock{}}
	faulty := &vaulttest.Faulty{Docs: s.docs, Inject: func(context.Context, vaulttest.Call) error {
		if s.down.Load() {
			return &fault.Error{Op: "firestore", Kind: fault.Unavailable, Err: errors.New("a storm")}
		}
		return nil
	}}
	var err error
	s.program, err = start(t.Context(), options{addr: "127.0.0.1:0", log: io.Discard, now: s.clock.now, docs: faulty, base: s})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	c := caller()
	c.Rate = 1_000_000
	editCallersFile(t, s.program, func(d *callers.Draft) error { return d.Put(c) })
	client, scopes := s.google.ClientID, googleauth.NormalizeScopes(capability.Scopes(capability.CreateSpaces))
	for i := range loadPeople {
		p := google.Person{Sub: fmt.Sprintf("3%020d", i), Name: fmt.Sprintf("Person %d", i), Email: fmt.Sprintf("person-%d@example.com", i), Domain: "example.com"}
		refresh, access := s.google.Connect(p, capability.CreateSpaces.Scope())
		over := time.Now().Add(time.Hour)
		if i%2 == 0 {
			over = time.Now().Add(-time.Hour) // has to be refreshed in the storm
		}
		g := vault.Grant{
			Person: resource.Person(p.User()), ClientID: client, Scopes: scopes, RefreshToken: config.NewSecret(refresh), AccessToken: config.NewSecret(access), AccessExpiry: over,
			Status: vault.Connected, Generation: time.Now().UnixMicro(), Email: config.NewSecret(p.Email), Domain: p.Domain, ConnectedAt: time.Now(), RefreshDay: time.Now(), LastUsedDay: time.Now(),
			SignedInAt: time.Now(), EmailAt: time.Now(), RefreshedAt: over.Add(-time.Hour),
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

func (s *storm) newToken() {
	token := s.google.ChatToken()
	s.token.Store(&token)
}

// wish is one space that somebody wants, by a command or by another system,
// until they have it.
type wish struct {
	person google.Person
	name   string
	api    bool
	has    bool
}

// ask asks for it once. Every answer has to be one that is right.
func (s *storm) ask(w *wish, key string) {
	var answer string
	if w.api {
		status, body := s.create(w, key)
		switch status {
		case http.StatusCreated:
			w.has, answer = true, "201"
		case http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusConflict:
			answer = fmt.Sprint(status)
		default:
			s.t.Errorf("the API: %d %s", status, body)
		}
	} else {
		status, body := s.post(w)
		said := ""
		for _, text := range []string{"Space created", "Something didn't work", "receiving too many requests", "isn't responding"} {
			if strings.Contains(body, text) && said == "" {
				said = text
			}
		}
		if status == http.StatusServiceUnavailable { // the keys could not be had, to see who speaks: Chat sends it again
			said = "503"
		} else if status != http.StatusOK || said == "" {
			s.t.Errorf("Chat: %d %s", status, body)
		}
		w.has, answer = said == "Space created", said
	}
	n, _ := s.answers.LoadOrStore(answer, &atomic.Int64{})
	n.(*atomic.Int64).Add(1)
	s.acts.Add(1)
}

func (s *storm) post(w *wish) (int, string) {
	event := command(w.person, "spaces/DM"+w.person.Sub+"/messages/"+w.name, 5, w.name)
	return s.send("/chatevent", event, "Bearer "+*s.token.Load(), "")
}

func (s *storm) create(w *wish, key string) (int, string) {
	body := map[string]any{"actAs": w.person.User(), "displayName": w.name}
	return s.send("/createspace/v1/spaces", body, (&world{program: s.program, clock: s.clock}).callerToken(nil), key)
}

func (s *storm) send(path string, body any, authorization, key string) (int, string) {
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

// round lets workers ask for spaces; half of what was not had is asked for again
// in the storm, and the rest when it has ended.
func (s *storm) round(n, first int) []*wish {
	wishes := make([]*wish, n)
	var next atomic.Int64
	var all sync.WaitGroup
	for range loadWorkers {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				w := &wish{person: s.people[rand.IntN(len(s.people))], name: fmt.Sprintf("Plan%d", first+i), api: i%2 == 0}
				wishes[i] = w
				for try := 0; try < 1+rand.IntN(3); try++ { // Chat redelivers, systems repeat
					s.ask(w, w.name+"-key")
				}
			}
		})
	}
	all.Wait()
	return wishes
}

func TestUnderLoadWithFaultsNoGrantIsLostAndNoSpaceIsMadeTwice(t *testing.T) {
	s := brew(t)
	began, rounds := time.Now(), 0
	warm := s.settle(s.round(loadRound/10, 0))
	end := began.Add(*loadTime)
	first := loadRound
	for rotated := false; time.Now().Before(end) || rounds < 2; rounds++ {
		s.faulty.Store(true)
		if !rotated && (time.Since(began) > *loadTime/2 || rounds == 1) {
			rotated = true
			s.clock.advance(2 * time.Minute) // Google publishes a key long before it signs with it
			s.google.RotateKeys()
		}
		s.newToken()
		var outage *time.Timer
		if rounds == 1 { // Firestore is gone, for 30 s of two minutes
			s.down.Store(true)
			outage = time.AfterFunc(*loadTime/4, func() { s.down.Store(false) })
		}
		n := loadRound
		if *loadTime < 10*time.Second {
			n /= 5
		}
		wishes := s.round(n, first)
		first += n
		if outage != nil {
			outage.Stop()
		}
		s.down.Store(false)
		s.faulty.Store(false)
		after := s.settle(wishes)
		if after.goroutines > warm.goroutines+50 {
			t.Errorf("%d goroutines, %d at first", after.goroutines, warm.goroutines)
		}
		if grown := float64(after.heap) / float64(warm.heap+(8<<20)); grown > 2 {
			t.Errorf("%d MB in use, %d MB at first", after.heap>>20, warm.heap>>20)
		}
	}
	for _, p := range s.people {
		g, err := s.vault.Grant(t.Context(), resource.Person(p.User()))
		if err != nil || g.Status != vault.Connected || g.RefreshToken.Empty() {
			t.Fatalf("the grant of %s is lost: %v %v", p.Name, g.Status, err)
		}
	}
	text := ""
	s.answers.Range(func(what, n any) bool {
		text += fmt.Sprintf("; %s: %d", what, n.(*atomic.Int64).Load())
		return true
	})
	t.Logf("%d requests in %v (%.0f/s), %d rounds%s", s.acts.Load(), time.Since(began).Round(time.Second), float64(s.acts.Load())/time.Since(began).Seconds(), rounds, text)
}

// size is how much of the process is in use.
type size struct {
	goroutines int
	heap       uint64
}

// settle gives everybody what they wished for, now that nothing fails, and looks
// that each has it once. Then the stand-in forgets it.
func (s *storm) settle(wishes []*wish) size {
	s.t.Helper()
	for _, w := range wishes {
		for try := 0; !w.has; try++ {
			if try == 200 {
				s.t.Fatalf("%s is not to be had any more", w.name)
			}
			if s.ask(w, w.name+"-key"); !w.has {
				s.clock.advance(time.Minute) // somebody was at it, or a failed refresh is remembered
				s.newToken()
			}
		}
	}
	made := map[string]int{}
	for _, p := range s.people {
		for _, space := range s.google.SpacesOf(p) {
			if strings.HasPrefix(space.DisplayName, "Plan") {
				made[space.DisplayName]++
			}
		}
	}
	for _, w := range wishes {
		if made[w.name] != 1 {
			s.t.Errorf("%s was made %d times", w.name, made[w.name])
		}
	}
	if len(made) != len(wishes) {
		s.t.Errorf("%d spaces for %d wishes", len(made), len(wishes))
	}
	s.google.Prune()
	if err := s.forget(); err != nil {
		s.t.Error(err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return size{runtime.NumGoroutine(), m.HeapInuse}
}

// forget removes what Firestore would keep outside of the process: the memory
// store is in it.
func (s *storm) forget() error {
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
				if err := s.docs.Delete(context.Background(), vault.Collection(collection), doc.ID, doc.Version); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

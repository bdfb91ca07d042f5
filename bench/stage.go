package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"example.com/deputy/internal/deployed"
	"example.com/deputy/internal/standin/google"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/firestore"
)

const (
	projectNumber = "123456789012"
	audience      = "https://api.deputy.example.com"
	clientID      = "bench.apps.googleusercontent.com"
	callerID      = "109000000000000000001"
	callerEmail   = "ci@tools.iam.gserviceaccount.com"
)

// stage is everything around the functions: Google, as the stand-in plays it
// over TLS, Firestore's emulator, and people who have consented.
type stage struct {
	google   *google.Server
	net      *deployed.Internet
	slow     atomic.Int64 // nanoseconds before Chat's API answers
	people   []google.Person
	binary   string
	env      []string
	callback string // address of OAuthCallback
	emulator *emulator
	client   *http.Client
	chat     string // the token that Chat sends
	caller   string // the token that another system sends
	auth     *userauth.Auth
	messages atomic.Int64
	cleanup  []func()
}

// hosts are Google's, as the functions know them.
var hosts = []string{"accounts.google.com", "oauth2.googleapis.com", "www.googleapis.com", "chat.googleapis.com"}

func open(ctx context.Context, people int) (s *stage, err error) {
	s = &stage{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 400}, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.callback, err = deployed.FreeAddress(); err != nil {
		return nil, err
	}
	s.google = google.New(google.Config{
		ClientID: clientID, ClientSecret: "GOCSPX-x", RedirectURIs: []string{s.callback + "/callback"}, ProjectNumber: projectNumber, AppName: "Deputy",
		ChatAddress: "https://chat.google.com/?in=", Now: time.Now, CertsAddress: "https://www.googleapis.com/oauth2/v3/certs",
	})
	answers := s.google.Handler()
	if s.net, err = deployed.Connect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wait := s.slow.Load(); wait > 0 && r.Host == "chat.googleapis.com" {
			time.Sleep(time.Duration(wait))
		}
		answers.ServeHTTP(w, r)
	}), hosts...); err != nil {
		return nil, err
	}
	s.cleanup = append(s.cleanup, s.net.Close)
	if s.emulator, err = startEmulator(ctx); err != nil {
		return nil, err
	}
	s.cleanup = append(s.cleanup, s.emulator.close)
	if s.binary, err = deployed.Build("."); err != nil {
		return nil, err
	}
	s.cleanup = append(s.cleanup, func() { _ = os.RemoveAll(filepath.Dir(s.binary)) })
	least := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(filepath.Dir(s.binary), "least"), "./bench/least") //nolint:gosec // of this repository
	if out, err := least.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	now := time.Now()
	s.chat = s.google.ChatToken()
	s.caller = s.google.SignGoogle(map[string]any{
		"iss": "https://accounts.google.com", "aud": audience, "sub": callerID, "email": callerEmail, "email_verified": true, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	return s, s.fill(ctx, people)
}

func (s *stage) close() {
	for i := len(s.cleanup) - 1; i >= 0; i-- {
		s.cleanup[i]()
	}
}

// fill makes the configuration, and lets so many people have consented; those
// past the last have an access token that is over.
func (s *stage) fill(ctx context.Context, people int) error {
	keyset, lookup, err := seal.Generate()
	if err != nil {
		return err
	}
	client, err := json.Marshal(map[string]any{"web": map[string]any{"client_id": clientID, "client_secret": "GOCSPX-x", "redirect_uris": []string{s.callback + "/callback"}}})
	if err != nil {
		return err
	}
	project := "bench-" + strings.ToLower(rand.Text()[:8])
	s.env = append(s.net.Environment(), "FIRESTORE_EMULATOR_HOST="+s.emulator.address, "API_AUDIENCE="+audience, "GOOGLE_CLOUD_PROJECT="+project,
		"KEYSET="+keyset.Reveal(), "LOOKUP_KEYSET="+lookup.Reveal(), "OAUTH_CLIENT="+string(client), "OAUTH_CALLBACK_URL="+s.callback,
		"CHAT_PROJECT_NUMBER="+projectNumber, "CHAT_ENDPOINT_URL=https://chat.deputy.example.com/", "GOMEMLIMIT=200MiB")
	keys, err := seal.New(keyset, lookup, project, clientID)
	if err != nil {
		return err
	}
	if err := os.Setenv("FIRESTORE_EMULATOR_HOST", s.emulator.address); err != nil {
		return err
	}
	docs, err := firestore.New(ctx, project, "(default)")
	if err != nil {
		return err
	}
	v := vault.New(docs, keys, time.Now)
	s.auth = userauth.New(userauth.Deps{
		Vault: v, Keys: keys, ClientID: clientID, Address: s.callback, Log: slog.Default(), Now: time.Now,
		Google: googleauth.NewProvider(googleauth.Google, googleauth.Client{ID: clientID}, s.callback+"/callback", nil),
	})
	if err := v.CreateCaller(ctx, vault.Caller{
		ID: callerID, Email: callerEmail, Name: "CI", Operations: []string{"spaces.create"}, Domains: []string{"example.com"}, Authorities: []string{"user"}, Rate: 10_000_000,
	}); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(32)
	for i := range people + expiring {
		p := google.Person{Sub: fmt.Sprintf("3%020d", i), Name: fmt.Sprintf("Person %d", i), Email: fmt.Sprintf("person-%d@example.com", i), Domain: "example.com"}
		s.people = append(s.people, p)
		group.Go(func() error {
			refresh, access := s.google.Connect(p, userauth.CreateSpaces.Scope())
			over := time.Now().Add(time.Hour)
			if i >= people {
				over = time.Now().Add(-time.Hour)
			}
			if _, err := v.SaveGrant(ctx, vault.Grant{
				Person: p.User(), ClientID: clientID, Scopes: []string{"https://www.googleapis.com/auth/chat.spaces.create", "https://www.googleapis.com/auth/userinfo.email", "openid"},
				RefreshToken: config.Secret(refresh), AccessToken: config.Secret(access), AccessExpiry: over, Status: vault.Active, Generation: time.Now().UnixMicro(),
				Email: config.Secret(p.Email), Domain: p.Domain, Connected: time.Now(), RefreshDay: time.Now(), LastUsedDay: time.Now(),
			}); err != nil || i >= approving {
				return err
			}
			return v.Approve(ctx, p.User(), vault.Approval{Caller: callerID, Operations: []string{"spaces.create"}, Authority: "user", Domain: p.Domain, Approved: time.Now()})
		})
	}
	return group.Wait()
}

const (
	expiring  = 3_000 // people whose access token is over
	approving = 50    // people who have approved the calling system
)

// start runs one function, and waits until it can answer.
func (s *stage) start(ctx context.Context, target string, more ...string) (*deployed.Service, error) {
	address := s.callback
	if target != "OAuthCallback" {
		var err error
		if address, err = deployed.FreeAddress(); err != nil {
			return nil, err
		}
	}
	f, err := deployed.Start(s.binary, address, target, append(s.env, more...)...)
	if err != nil {
		return nil, err
	}
	s.cleanup = append(s.cleanup, f.Stop)
	status, body, err := f.Get(ctx, http.MethodGet, "/ready")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s is not ready: %d %s; log: %s", target, status, body, f.Log)
	}
	return f, err
}

// least runs what the functions are measured against.
func (s *stage) least(ctx context.Context) (*deployed.Service, error) {
	address, err := deployed.FreeAddress()
	if err != nil {
		return nil, err
	}
	_, access := s.google.Connect(s.people[0], userauth.CreateSpaces.Scope())
	f, err := deployed.Start(filepath.Join(filepath.Dir(s.binary), "least"), address, "", append(s.env, "TOKEN="+access, "AUDIENCE="+projectNumber)...)
	if err != nil {
		return nil, err
	}
	s.cleanup = append(s.cleanup, f.Stop)
	_, _, err = f.Get(ctx, http.MethodGet, "/")
	return f, err
}

// event is the body of the command /createspace of a person, typed now.
func (s *stage) event(p google.Person) []byte {
	n := s.messages.Add(1)
	text, err := json.Marshal(map[string]any{
		"type": "MESSAGE", "eventTime": time.Now().UTC().Format(time.RFC3339Nano), "configCompleteRedirectUrl": "https://chat.google.com/complete?token=x",
		"common": map[string]any{"hostApp": "CHAT", "userLocale": "en"},
		"user":   map[string]any{"name": p.User(), "displayName": p.Name, "email": p.Email, "type": "HUMAN"},
		"space":  map[string]any{"name": "spaces/DM" + p.Sub, "spaceType": "DIRECT_MESSAGE", "type": "DM", "singleUserBotDm": true},
		"message": map[string]any{
			"name": fmt.Sprintf("spaces/DM%s/messages/m%d.m%d", p.Sub, n, n), "text": fmt.Sprintf("/createspace Plan %d", n), "argumentText": fmt.Sprintf(" Plan %d", n),
			"sender": map[string]any{"name": p.User(), "displayName": p.Name, "email": p.Email, "type": "HUMAN"}, "slashCommand": map[string]any{"commandId": "5"},
			"thread":      map[string]any{"name": fmt.Sprintf("spaces/DM%s/threads/m%d.m%d", p.Sub, n, n)},
			"annotations": []any{map[string]any{"type": "SLASH_COMMAND", "startIndex": 0, "length": 12, "slashCommand": map[string]any{"type": "INVOKE", "commandName": "/createspace", "commandId": "5"}}},
		},
	})
	if err != nil {
		panic(err) // texts and numbers
	}
	return text
}

// send sends an event as Chat does, and wants the reply to have a text.
func (s *stage) send(ctx context.Context, to *deployed.Service, p google.Person, want string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.Address+"/", bytes.NewReader(s.event(p)))
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+s.chat)
	req.Header.Set("Content-Type", "application/json")
	return s.ask(req, http.StatusOK, want)
}

func (s *stage) ask(req *http.Request, status int, want string) (string, error) {
	res, err := s.client.Do(req)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err == nil && (res.StatusCode != status || !strings.Contains(string(text), want)) {
		err = fmt.Errorf("%s: status %d, and not %q: %.300s", req.URL.Path, res.StatusCode, want, text)
	}
	if location := res.Header.Get("Location"); location != "" {
		return location, err
	}
	return string(text), err
}

// create calls the API as another system.
func (s *stage) create(ctx context.Context, to *deployed.Service, p google.Person) error {
	n := s.messages.Add(1)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.Address+"/v1/spaces", strings.NewReader(fmt.Sprintf(`{"actAs":"%s","displayName":"Plan %d"}`, p.User(), n)))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.caller)
	req.Header.Set("Idempotency-Key", fmt.Sprintf("bench-%08d", n))
	req.Header.Set("Content-Type", "application/json")
	_, err = s.ask(req, http.StatusCreated, `"name":"spaces/`)
	return err
}

// consent goes from an invitation to a stored grant: /start and /callback are
// the function's, what is between them Google's.
func (s *stage) consent(ctx context.Context, link string, p google.Person) error {
	begin, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return err
	}
	res, err := s.client.Do(begin)
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil || res.StatusCode != http.StatusSeeOther && res.StatusCode != http.StatusFound {
		return errors.Join(err, fmt.Errorf("/start: status %d", res.StatusCode))
	}
	back, err := s.allow(to, p)
	if err != nil {
		return err
	}
	end, err := http.NewRequestWithContext(ctx, http.MethodGet, back, nil)
	if err != nil {
		return err
	}
	for _, c := range res.Cookies() {
		end.AddCookie(c)
	}
	_, err = s.ask(end, http.StatusSeeOther, "")
	return err
}

// allow is the person at Google, without a network between.
func (s *stage) allow(to *url.URL, p google.Person) (string, error) {
	handler := s.google.Handler()
	q := to.Query()
	page := &recorded{header: http.Header{}}
	ask, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "/o/oauth2/v2/auth?"+q.Encode(), nil)
	if err != nil {
		return "", err
	}
	handler.ServeHTTP(page, ask)
	request := page.header.Get(google.RequestHeader)
	form := url.Values{"request": {request}, "account": {p.Sub}, "decision": {"allow"}, "scope": s.google.Asked(request)}
	post, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "/o/oauth2/v2/consent", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	back := &recorded{header: http.Header{}}
	handler.ServeHTTP(back, post)
	location := back.header.Get("Location")
	if location == "" {
		return "", fmt.Errorf("google's consent: %d %.200s", back.status, back.body.String())
	}
	return location, nil
}

// recorded is an answer of a handler that is called without a network.
type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorded) Header() http.Header         { return r.header }
func (r *recorded) WriteHeader(status int)      { r.status = status }
func (r *recorded) Write(p []byte) (int, error) { return r.body.Write(p) }

// crowd lets workers do n acts, and gives the first error.
func crowd(ctx context.Context, workers, n int, act func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || ctx.Err() != nil {
					return
				}
				if err := act(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	wait.Wait()
	return context.Cause(ctx)
}

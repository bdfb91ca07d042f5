package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/deployed"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
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
	slow     atomic.Int64 // nanoseconds before Google answers
	people   []google.Person
	binary   string
	env      []string
	callback string // address of OAuthCallback
	emulator *emulator
	client   *http.Client
	chat     string // the token that Chat sends
	caller   string // the token that another system sends
	flow     *consent.Flow
	messages atomic.Int64
	guests   atomic.Int64 // who have got an account for a consent
	renewals atomic.Int64 // people whose token was over, and who were used
	cleanup  []func()
}

// hosts are Google's, as the functions know them.
var hosts = []string{"accounts.google.com", "oauth2.googleapis.com", "www.googleapis.com", "chat.googleapis.com"}

func open(ctx context.Context, p plan) (s *stage, err error) {
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
		if wait := s.slow.Load(); wait > 0 {
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
	if s.binary, err = deployed.Build(".", p.linked()...); err != nil {
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
	return s, s.fill(ctx, p.people)
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
		"CHAT_PROJECT_NUMBER="+projectNumber, "CHAT_ENDPOINT_URL=https://chat.deputy.example.com/", "GOGC=400", "GOMEMLIMIT=200MiB") // as deploy.sh has them
	keys, err := seal.New(keyset, lookup, seal.Project(project), clientID)
	if err != nil {
		return err
	}
	if err := os.Setenv("FIRESTORE_EMULATOR_HOST", s.emulator.address); err != nil {
		return err
	}
	docs, err := firestore.New(ctx, firestore.Setting{Project: project, Database: "(default)"})
	if err != nil {
		return err
	}
	v := vault.New(docs, keys, time.Now)
	deps := grants.Deps{
		Vault: v, Keys: keys, ClientID: clientID, Address: s.callback, Log: slog.Default(), Now: time.Now,
		Google: googleauth.NewProvider(googleauth.Google, googleauth.Client{ID: clientID}, s.callback+"/callback", nil),
	}
	s.flow = consent.New(grants.New(deps), deps)
	file := filepath.Join(filepath.Dir(s.binary), "callers.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, "callers:\n  - {id: ci, kind: service-account, uniqueId: %q, email: %s, name: CI, actions: [spaces.create], domains: [example.com], rate: 1000000}\n", callerID, callerEmail), 0o600); err != nil {
		return err
	}
	s.env = append(s.env, "CALLERS="+file)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(32)
	for i := range people + expiring {
		p := google.Person{Sub: fmt.Sprintf("3%020d", i), Name: fmt.Sprintf("Person %d", i), Email: fmt.Sprintf("person-%d@example.com", i), Domain: "example.com"}
		s.people = append(s.people, p)
		group.Go(func() error {
			refresh, access := s.google.Connect(p, capability.CreateSpaces.Scope())
			over := time.Now().Add(time.Hour)
			if i >= people {
				over = time.Now().Add(-time.Hour)
			}
			g := vault.Grant{
				Person: resource.Person(p.User()), ClientID: clientID, Scopes: []string{"https://www.googleapis.com/auth/chat.spaces.create", "https://www.googleapis.com/auth/userinfo.email", "openid"},
				RefreshToken: config.NewSecret(refresh), AccessToken: config.NewSecret(access), AccessExpiry: over, Status: vault.Connected, Refreshed: time.Now(), SignedIn: time.Now(), Generation: time.Now().UnixMicro(),
				Email: config.NewSecret(p.Email), Domain: p.Domain, Connected: time.Now().Truncate(time.Microsecond), RefreshDay: time.Now(), LastUsedDay: time.Now(),
			}
			if i < approving {
				g.Approve("ci", "user", []string{"spaces.create"}, time.Now())
			}
			_, err := v.SaveGrant(ctx, g)
			return err
		})
	}
	return group.Wait()
}

const (
	expiring  = 6_000 // people whose access token is over; each is used once
	approving = 50    // people who have approved the calling system
)

// expired is somebody whose access token is over.
func (s *stage) expired() google.Person {
	return s.people[len(s.people)-expiring+int(s.renewals.Add(1)-1)%expiring]
}

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
	_, access := s.google.Connect(s.people[0], capability.CreateSpaces.Scope())
	f, err := deployed.Start(filepath.Join(filepath.Dir(s.binary), "least"), address, "", append(s.env, "TOKEN="+access, "AUDIENCE="+projectNumber)...)
	if err != nil {
		return nil, err
	}
	s.cleanup = append(s.cleanup, f.Stop)
	_, _, err = f.Get(ctx, http.MethodGet, "/")
	return f, err
}

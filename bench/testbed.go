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

// testbed is the environment of the functions: emulators of Google, over TLS, and of Firestore, and connected people.
type testbed struct {
	google      *google.Server
	net         *deployed.Network
	delay       atomic.Int64 // nanoseconds before Google responds
	people      []google.Person
	binary      string
	env         []string
	callbackURL string // address of OAuthCallback
	emulator    *emulator
	client      *http.Client
	chatToken   string // the token that Chat sends
	callerToken string // the token that a caller sends
	flow        *consent.Flow
	messages    atomic.Int64
	guests      atomic.Int64 // people created for a consent
	expired     atomic.Int64 // people used whose access token has expired
	cleanup     []func()
}

// hosts are Google's hosts that the functions call.
var hosts = []string{
	"accounts.google.com", "oauth2.googleapis.com", "www.googleapis.com", "chat.googleapis.com",
}

func openTestbed(ctx context.Context, p plan) (b *testbed, err error) {
	b = &testbed{client: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 400}, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.callbackURL, err = deployed.FreeAddress(); err != nil {
		return nil, err
	}
	b.google = google.New(google.Config{
		ClientID: clientID, ClientSecret: "GOCSPX-x", RedirectURIs: []string{b.callbackURL + "/callback"},
		ProjectNumber: projectNumber, AppName: "Deputy", ChatAddress: "https://chat.google.com/?in=",
		Now: time.Now, CertsAddress: "https://www.googleapis.com/oauth2/v3/certs",
	})
	handler := b.google.Handler()
	if b.net, err = deployed.NewNetwork(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if delay := b.delay.Load(); delay > 0 {
			time.Sleep(time.Duration(delay))
		}
		handler.ServeHTTP(w, r)
	}), hosts...); err != nil {
		return nil, err
	}
	b.cleanup = append(b.cleanup, b.net.Close)
	if b.emulator, err = startEmulator(ctx); err != nil {
		return nil, err
	}
	b.cleanup = append(b.cleanup, b.emulator.close)
	if b.binary, err = deployed.Build(".", p.packages()...); err != nil {
		return nil, err
	}
	b.cleanup = append(b.cleanup, func() { _ = os.RemoveAll(filepath.Dir(b.binary)) })
	build := exec.CommandContext(ctx, "go", "build", "-o", b.path("least"), "./bench/baseline") //nolint:gosec // fixed
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	now := time.Now()
	b.chatToken = b.google.ChatToken()
	b.callerToken = b.google.SignGoogle(map[string]any{
		"iss": "https://accounts.google.com", "aud": audience, "sub": callerID, "email": callerEmail,
		"email_verified": true, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	return b, b.populate(ctx, p.people)
}

// path returns the path of a file in the directory of the binaries.
func (b *testbed) path(name string) string { return filepath.Join(filepath.Dir(b.binary), name) }

func (b *testbed) close() {
	for i := len(b.cleanup) - 1; i >= 0; i-- {
		b.cleanup[i]()
	}
}

// populate writes the configuration and the grants of people, followed by those
// of the people whose access token has expired.
func (b *testbed) populate(ctx context.Context, people int) error {
	keyset, lookup, err := seal.Generate()
	if err != nil {
		return err
	}
	client, err := json.Marshal(map[string]any{"web": map[string]any{
		"client_id": clientID, "client_secret": "GOCSPX-x", "redirect_uris": []string{b.callbackURL + "/callback"},
	}})
	if err != nil {
		return err
	}
	project := "bench-" + strings.ToLower(rand.Text()[:8])
	b.env = append(b.net.Environment(), "FIRESTORE_EMULATOR_HOST="+b.emulator.address,
		"API_AUDIENCE="+audience, "GOOGLE_CLOUD_PROJECT="+project,
		"KEYSET="+keyset.Reveal(), "LOOKUP_KEYSET="+lookup.Reveal(), "OAUTH_CLIENT="+string(client),
		"OAUTH_CALLBACK_URL="+b.callbackURL, "CHAT_PROJECT_NUMBER="+projectNumber,
		"CHAT_ENDPOINT_URL=https://chat.deputy.example.com/", "GOGC=400", "GOMEMLIMIT=200MiB") // as in deploy.sh
	keys, err := seal.New(keyset, lookup, seal.Project(project), clientID)
	if err != nil {
		return err
	}
	if err := os.Setenv("FIRESTORE_EMULATOR_HOST", b.emulator.address); err != nil {
		return err
	}
	docs, err := firestore.New(ctx, firestore.Config{Project: project, Database: "(default)"})
	if err != nil {
		return err
	}
	v := vault.New(docs, keys, time.Now)
	oauthClient := googleauth.Client{ID: clientID}
	deps := grants.Deps{
		Vault: v, Keys: keys, ClientID: clientID, Address: b.callbackURL, Log: slog.Default(), Now: time.Now,
		Google: googleauth.NewProvider(googleauth.Google, oauthClient, b.callbackURL+"/callback", nil),
	}
	b.flow = consent.New(grants.New(deps), deps)
	callers := fmt.Appendf(nil, "callers:\n  - {id: ci, kind: service-account, uniqueId: %q, email: %s, name: CI,"+
		" actions: [spaces.create], domains: [example.com], rate: 1000000}\n", callerID, callerEmail)
	if err := os.WriteFile(b.path("callers.yaml"), callers, 0o600); err != nil {
		return err
	}
	b.env = append(b.env, "CALLERS="+b.path("callers.yaml"))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(32)
	for i := range people + expiring {
		person := google.Person{
			Sub: fmt.Sprintf("3%020d", i), Name: fmt.Sprintf("Person %d", i),
			Email: fmt.Sprintf("person-%d@example.com", i), Domain: "example.com",
		}
		b.people = append(b.people, person)
		group.Go(func() error {
			now := time.Now()
			refresh, access := b.google.Connect(person, capability.CreateSpaces.Scope())
			expiry := now.Add(time.Hour)
			if i >= people {
				expiry = now.Add(-time.Hour)
			}
			g := vault.Grant{
				Person: resource.Person(person.User()), ClientID: clientID, Scopes: []string{
					"https://www.googleapis.com/auth/chat.spaces.create",
					"https://www.googleapis.com/auth/userinfo.email", "openid",
				},
				RefreshToken: config.NewSecret(refresh), AccessToken: config.NewSecret(access), AccessExpiry: expiry,
				Status: vault.Connected, RefreshedAt: now, SignedInAt: now, Generation: now.UnixMicro(),
				Email: config.NewSecret(person.Email), Domain: person.Domain,
				ConnectedAt: now.Truncate(time.Microsecond),
				RefreshDay:  now, LastUsedDay: now,
			}
			if i < approving {
				g.Approve("ci", "user", []string{"spaces.create"}, now)
			}
			_, err := v.SaveGrant(ctx, g)
			return err
		})
	}
	return group.Wait()
}

const (
	expiring  = 6_000 // people whose access token has expired; each is used once
	approving = 50    // people who have approved the caller
)

// expiredPerson returns a person whose access token has expired.
func (b *testbed) expiredPerson() google.Person {
	return b.people[len(b.people)-expiring+int(b.expired.Add(1)-1)%expiring]
}

// start runs one function and waits until it is ready.
func (b *testbed) start(ctx context.Context, target string, env ...string) (*deployed.Service, error) {
	address := b.callbackURL
	if target != "OAuthCallback" {
		var err error
		if address, err = deployed.FreeAddress(); err != nil {
			return nil, err
		}
	}
	f, err := deployed.Start(b.binary, address, target, append(b.env, env...)...)
	if err != nil {
		return nil, err
	}
	b.cleanup = append(b.cleanup, f.Stop)
	status, body, err := f.Get(ctx, http.MethodGet, "/startup")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s is not ready: %d %s; log: %s", target, status, body, f.Log)
	}
	return f, err
}

// startBaseline runs the baseline, bench/baseline.
func (b *testbed) startBaseline(ctx context.Context) (*deployed.Service, error) {
	address, err := deployed.FreeAddress()
	if err != nil {
		return nil, err
	}
	_, access := b.google.Connect(b.people[0], capability.CreateSpaces.Scope())
	f, err := deployed.Start(b.path("least"), address, "", append(b.env, "TOKEN="+access, "AUDIENCE="+projectNumber)...)
	if err != nil {
		return nil, err
	}
	b.cleanup = append(b.cleanup, f.Stop)
	_, _, err = f.Get(ctx, http.MethodGet, "/")
	return f, err
}

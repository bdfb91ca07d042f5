package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"example.com/deputy/emulator/chatpage"
	"example.com/deputy/emulator/google"
	"example.com/deputy/functions/chatevent"
	"example.com/deputy/functions/createspace"
	"example.com/deputy/functions/oauthcallback"
	"example.com/deputy/functions/securityevent"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/meetings"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/serve"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

const (
	project           = "deputy-local"
	projectNumber     = "123456789012"
	apiAudience       = "https://api.deputy.local"
	delegationAccount = "deputy@deputy-local.iam.gserviceaccount.com"
)

// options configure a program. Tests set their own clock, store and transports.
type options struct {
	addr          string
	log           io.Writer
	now           func() time.Time
	docs          vault.Docs
	base          http.RoundTripper // from the functions to Google
	secretMark    string            // part of every secret that the emulator issues
	format        chatpage.Format   // of Chat's events
	locale        string            // of all people in Chat; empty means en
	chatTransport http.RoundTripper // from Chat to the functions; nil means the network
	peer          *program          // another instance, whose Google, keys and callers file it shares; or nil
	callersYAML   []byte            // the callers file at start and after a reset
	realGoogle    *googleBackend    // real Google; nil means the emulator
	strict        uint64            // seed of strict answers; 0: friendly ones
	app           *app              // receives Chat's events; nil means Deputy
	sandbox       bool              // delegation covers every scope, for callers to try
}

// program is a running Deputy with its emulators. The functions reach Google at a listener of its own.
type program struct {
	address     string
	google      *google.Server
	page        *chatpage.Page
	keys        *seal.Keys
	vault       *vault.Vault
	grants      *grants.Grants
	consent     *consent.Flow
	callersPath string
	callers     *callers.File
	front       http.Handler                  // for the browser and Chat
	functionMux atomic.Pointer[http.ServeMux] // Deputy's functions; replaced on reset
	logLines    *chatpage.LogLines            // what the functions logged
	acts        *acts                         // what callers did
	connections *atomic.Int64                 // opened by the functions to Google
	dir         string                        // temporary; removed by close
	servers     []*http.Server
}

// start listens on o.addr and serves until close.
func start(ctx context.Context, o options) (*program, error) {
	front, err := listen(ctx, o.addr)
	if err != nil {
		return nil, err
	}
	back, err := listen(ctx, "127.0.0.1:0")
	if err != nil {
		_ = front.Close()
		return nil, err
	}
	p, err := assemble(ctx, o, "http://"+front.Addr().String(), "http://"+back.Addr().String())
	if err != nil {
		_, _ = front.Close(), back.Close()
		return nil, err
	}
	p.serve(front, requireLoopback(p.front), nil)
	p.serve(back, requireLoopback(p.google.Handler()), func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			p.connections.Add(1)
		}
	})
	return p, nil
}

// assemble builds a program for these addresses without serving it.
func assemble(ctx context.Context, o options, address, googleURL string) (*program, error) {
	p := &program{address: address, connections: &atomic.Int64{}, logLines: &chatpage.LogLines{}, acts: &acts{}}
	if o.peer != nil {
		p.google, p.keys, p.callersPath = o.peer.google, o.peer.keys, o.peer.callersPath
		mux, err := p.newFunctions(ctx, o, googleURL)
		p.front = mux
		return p, err
	}
	dir, err := os.MkdirTemp("", "deputy-local-")
	if err != nil {
		return nil, err
	}
	p.dir, p.callersPath = dir, filepath.Join(dir, "callers.yaml")
	c := google.Config{
		ClientID: "123456789012-local.apps.googleusercontent.com", ClientSecret: "GOCSPX-" + o.secretMark + "local",
		RedirectURIs: []string{address + "/oauthcallback/callback"}, CertsAddress: googleURL + "/oauth2/v3/certs",
		ProjectNumber: projectNumber, AppName: "Deputy", ChatAddress: address +
			"/?in=", LeakMarker: o.secretMark, Now: o.now, Strict: o.strict,
	}
	if o.realGoogle != nil {
		c.People = []google.Person{} // signIn adds them
	}
	if o.app != nil {
		c.AppName, c.RedirectURIs = o.app.Name, o.app.RedirectURIs
	}
	p.google = google.New(c)
	if o.realGoogle != nil {
		if err := o.realGoogle.checkRedirectURIs(address); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
		o.base = recordingTransport{p.google, o.now, o.base}
	}
	if err := p.reload(ctx, o, googleURL); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	p.page = p.newPage(o, func() error {
		o.docs = &memory.Docs{}
		return p.reload(context.WithoutCancel(ctx), o, googleURL)
	})
	mux := http.NewServeMux()
	for _, function := range []string{"/chatevent", "/oauthcallback/", "/createspace/", "/securityevent/"} {
		mux.HandleFunc(function, func(w http.ResponseWriter, r *http.Request) { p.functionMux.Load().ServeHTTP(w, r) })
	}
	if o.realGoogle != nil {
		p.newSignIn(o).register(mux)
	}
	if o.realGoogle == nil && o.app == nil {
		p.registerSandbox(mux, func() error { return p.restart(context.WithoutCancel(ctx), o, googleURL) })
	}
	mux.Handle("/google/", http.StripPrefix("/google", p.google.Handler()))
	mux.Handle("/", p.page.Handler())
	p.front = mux
	return p, nil
}

// reload restores the callers file and replaces the functions with new ones on o's store.
func (p *program) reload(ctx context.Context, o options, googleURL string) error {
	if err := os.WriteFile(p.callersPath, o.callersYAML, 0o600); err != nil {
		return err
	}
	if o.sandbox {
		p.google.SetDelegation(delegationAccount, capability.Scopes(capability.All()...)...)
	}
	return p.restart(ctx, o, googleURL)
}

// restart replaces the functions with new ones on o's store, which read the callers file at once.
func (p *program) restart(ctx context.Context, o options, googleURL string) error {
	mux, err := p.newFunctions(ctx, o, googleURL)
	if err != nil {
		return err
	}
	p.functionMux.Store(mux)
	return nil
}

// newFunctions returns Deputy's functions, each under a path of its own.
func (p *program) newFunctions(ctx context.Context, o options, googleURL string) (*http.ServeMux, error) {
	log, emulated := p.logger(o), p.emulatedGoogle(googleURL)
	backend := emulated
	if o.realGoogle != nil {
		backend = *o.realGoogle
	}
	client, accounts := backend.client, backend.accounts
	if p.keys == nil {
		keyset, lookup, err := seal.Generate()
		if err != nil {
			return nil, err
		}
		if p.keys, err = seal.New(keyset, lookup, project, client.ID); err != nil {
			return nil, err
		}
	}
	keys, base, callback := p.keys, o.base, p.address+"/oauthcallback"
	p.vault = vault.New(o.docs, keys, o.now)
	idKeys := googleauth.NewKeySet(accounts.Certs, base, o.now)
	deps := grants.Deps{
		Vault: p.vault, Keys: keys, Google: googleauth.NewProvider(accounts, client, callback+"/callback", base),
		IDTokens: googleauth.NewVerifier(googleauth.Issuer, idKeys, o.now, client.ID),
		ClientID: client.ID, Address: callback, Log: log, Now: o.now,
	}
	p.grants = grants.New(deps)
	p.consent = consent.New(p.grants, deps, p.address)
	store, err := callers.OpenStore(ctx, p.callersPath)
	if err != nil {
		return nil, err
	}
	p.callers = callers.NewFile(store, log, o.now)
	chatSpaces, err := spaces.New(ctx, p.grants, keys, backend.spaces, base)
	if err != nil {
		return nil, err
	}
	meet, err := meetings.New(ctx, p.grants, keys, backend.meetings, base)
	if err != nil {
		return nil, err
	}
	delegated, err := p.newDelegated(ctx, o, googleURL)
	if err != nil {
		return nil, err
	}
	ops := operations.New(operations.Deps{
		Vault: p.vault, Grants: p.grants, Consent: p.consent, Callers: p.callers,
		Spaces: chatSpaces, Meetings: meet, Delegated: delegated, Log: log, Now: o.now,
	})
	app := chat.App{ProjectNumber: projectNumber, Endpoint: p.address + "/chatevent"}
	// The page plays Chat even with real Google, so events carry the emulator's keys.
	chatKeys := googleauth.NewKeySet(emulated.accounts.ChatCerts, base, o.now)
	addOnKeys := googleauth.NewKeySet(emulated.accounts.Certs, base, o.now)
	mux := http.NewServeMux()
	mux.Handle("/chatevent", chatevent.New(chatevent.Deps{
		App: app, Verifier: chat.NewVerifier(app, chatKeys, addOnKeys, o.now), Callers: p.callers, Operations: ops,
		Vault: p.vault, Grants: p.grants, Consent: p.consent, Spaces: chatSpaces, Meetings: meet,
		Keys: keys, Log: log, Now: o.now,
	}))
	mount(mux, "/oauthcallback", oauthcallback.New(oauthcallback.Deps{
		Grants: p.grants, Consent: p.consent, Callers: p.callers, Address: callback, Log: log,
	}))
	apiKeys := googleauth.NewKeySet(accounts.Certs, base, o.now)
	mount(mux, "/createspace", createspace.New(createspace.Deps{
		Callers: callers.NewAuthenticator(apiKeys, p.callers, o.now, apiAudience), Operations: ops, Log: log,
	}))
	events := googleauth.NewEventVerifier(accounts.Events, []string{client.ID}, base, o.now)
	mount(mux, "/securityevent", securityevent.New(securityevent.Deps{
		Vault: vault.New(o.docs, nil, o.now), Tokens: events, Log: log,
	}))
	return mux, nil
}

// mount serves a function below a path, wrapped in serve.Lazy as when deployed.
func mount(mux *http.ServeMux, path string, function http.Handler) {
	deployed := serve.Lazy(func(context.Context) (http.Handler, error) { return function, nil })
	mux.Handle(path+"/", http.StripPrefix(path, deployed))
}

// logger returns a logger that writes to o.log and to the page.
func (p *program) logger(o options) *slog.Logger {
	return slog.New(actsHandler{logging.NewText(io.MultiWriter(o.log, p.logLines)).Handler(), p.acts})
}

func (p *program) serve(l net.Listener, h http.Handler, watch func(net.Conn, http.ConnState)) {
	s := serve.NewServer(h)
	s.ConnState, s.WriteTimeout, p.servers = watch, 0, append(p.servers, s) // the page's events have no end
	go func() { _ = s.Serve(l) }()                                          // until close
}

func (p *program) close() {
	for _, s := range p.servers {
		_ = s.Close()
	}
	if p.dir != "" {
		_ = os.RemoveAll(p.dir)
	}
}

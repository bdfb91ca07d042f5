package main

import (
	"context"
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
	project       = "deputy-local"
	projectNumber = "123456789012"
	apiAudience   = "https://api.deputy.local"
	delegating    = "deputy@deputy-local.iam.gserviceaccount.com"
)

// options are what a program runs with; tests choose their own clock, store
// and way to Google.
type options struct {
	addr string
	log  io.Writer
	now  func() time.Time
	docs vault.Docs
	base http.RoundTripper // what the functions call Google over
	mark string            // stands in every secret the stand-ins give out
	// format of Chat's events: classic or addon.
	format chatpage.Format
	locale string            // of everybody in Chat; empty is en
	way    http.RoundTripper // from Chat to the functions; nil is the network
	beside *program          // whose Google and keys it shares: another instance of the same functions
	// callers is what the file of callers says at first, and after a reset.
	callers []byte
	cloud   *cloud // Google itself behind the page; nil is the stand-in
	app     *app   // who gets Chat's events; nil is Deputy
}

// program is everything, running. The browser comes to one address only; what
// the functions call of Google has a listener of its own, as on the Internet.
type program struct {
	address     string
	google      *google.Server
	page        *chatpage.Page
	keys        *seal.Keys
	vault       *vault.Vault
	grants      *grants.Grants
	consent     *consent.Flow
	callersAt   string // the file of callers
	callers     *callers.File
	front       http.Handler                  // for the browser, and Chat
	app         atomic.Pointer[http.ServeMux] // the functions
	lines       *chatpage.LogLines            // what they logged
	connections *atomic.Int64                 // that the functions opened to Google
	folder      string                        // of what is kept while it runs
	servers     []*http.Server
}

// start listens and serves until close.
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
	p.serve(front, onlyHere(p.front), nil)
	p.serve(back, onlyHere(p.google.Handler()), func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			p.connections.Add(1)
		}
	})
	return p, nil
}

// assemble puts the parts together for these addresses, and serves nothing.
func assemble(ctx context.Context, o options, address, googleAt string) (*program, error) {
	p := &program{address: address, connections: &atomic.Int64{}, lines: &chatpage.LogLines{}}
	if o.beside != nil {
		p.google, p.keys, p.callersAt = o.beside.google, o.beside.keys, o.beside.callersAt
		mux, err := p.functions(ctx, o, googleAt)
		p.front = mux
		return p, err
	}
	folder, err := os.MkdirTemp("", "deputy-local-")
	if err != nil {
		return nil, err
	}
	p.folder, p.callersAt = folder, filepath.Join(folder, "callers.yaml")
	at := google.Config{
		ClientID: "123456789012-local.apps.googleusercontent.com", ClientSecret: "GOCSPX-" + o.mark + "local",
		RedirectURIs:  []string{address + "/oauthcallback/callback"},
		ProjectNumber: projectNumber, AppName: "Deputy", ChatAddress: address + "/?in=", LeakMarker: o.mark, Now: o.now,
		CertsAddress: googleAt + "/oauth2/v3/certs",
	}
	if o.cloud != nil {
		at.People = []google.Person{} // whoever signs in
	}
	if o.app != nil {
		at.AppName, at.RedirectURIs = o.app.Name, o.app.RedirectURIs
	}
	p.google = google.New(at)
	if o.cloud != nil {
		if err := o.cloud.registered(address); err != nil {
			return nil, err
		}
		o.base = recorded{p.google, o.now, o.base}
	}
	if err := p.refill(ctx, o, googleAt); err != nil {
		return nil, err
	}
	p.page = p.chat(o, func() error {
		o.docs = &memory.Docs{}
		return p.refill(context.WithoutCancel(ctx), o, googleAt)
	})
	mux := http.NewServeMux()
	for _, function := range []string{"/chatevent", "/oauthcallback/", "/createspace/", "/securityevent/"} {
		mux.HandleFunc(function, func(w http.ResponseWriter, r *http.Request) { p.app.Load().ServeHTTP(w, r) })
	}
	if o.cloud != nil {
		p.signIn(o).handle(mux)
	}
	mux.Handle("/google/", http.StripPrefix("/google", p.google.Handler()))
	mux.Handle("/", p.page.Handler())
	p.front = mux
	return p, nil
}

// refill puts the functions up with the store of o.
func (p *program) refill(ctx context.Context, o options, googleAt string) error {
	if err := os.WriteFile(p.callersAt, o.callers, 0o600); err != nil {
		return err
	}
	mux, err := p.functions(ctx, o, googleAt)
	if err != nil {
		return err
	}
	p.app.Store(mux)
	return nil
}

// functions are Deputy's own, under the paths they have beside each other in
// one process.
func (p *program) functions(ctx context.Context, o options, googleAt string) (*http.ServeMux, error) {
	log := p.logger(o)
	standin := p.standin(googleAt)
	real := standin
	if o.cloud != nil {
		real = *o.cloud
	}
	client, at := real.client, real.accounts
	if p.keys == nil {
		keyset, lookup, err := seal.Generate()
		if err != nil {
			return nil, err
		}
		if p.keys, err = seal.New(keyset, lookup, project, client.ID); err != nil {
			return nil, err
		}
	}
	keys, base := p.keys, o.base
	callback := p.address + "/oauthcallback"
	p.vault = vault.New(o.docs, keys, o.now)
	deps := grants.Deps{
		Vault: p.vault, Keys: keys, Google: googleauth.NewProvider(at, client, callback+"/callback", base),
		IDTokens: googleauth.NewVerifier(googleauth.Issuer, client.ID, googleauth.NewKeySet(at.Certs, base, o.now), o.now),
		ClientID: client.ID, Address: callback, Log: log, Now: o.now,
	}
	p.grants = grants.New(deps)
	p.consent = consent.New(p.grants, deps, p.address)
	store, err := callers.OpenStore(ctx, p.callersAt)
	if err != nil {
		return nil, err
	}
	p.callers = callers.NewFile(store, log, o.now)
	made, err := spaces.New(ctx, p.grants, keys, real.spaces, base)
	if err != nil {
		return nil, err
	}
	rooms, err := meetings.New(ctx, p.grants, keys, real.meetings, base)
	if err != nil {
		return nil, err
	}
	delegated, err := p.delegation(ctx, o, googleAt)
	if err != nil {
		return nil, err
	}
	do := operations.New(operations.Deps{Vault: p.vault, Grants: p.grants, Consent: p.consent, Callers: p.callers, Spaces: made, Meetings: rooms, Delegated: delegated, Log: log, Now: o.now})
	app := chat.App{ProjectNumber: projectNumber, Endpoint: p.address + "/chatevent"}
	// Chat is played here, whoever is behind.
	chatKeys, addOnKeys := googleauth.NewKeySet(standin.accounts.ChatCerts, base, o.now), googleauth.NewKeySet(standin.accounts.Certs, base, o.now)
	googleKeys := googleauth.NewKeySet(at.Certs, base, o.now)
	mux := http.NewServeMux()
	mux.Handle("/chatevent", chatevent.New(chatevent.Deps{
		App: app, Verifier: chat.NewVerifier(app, chatKeys, addOnKeys, o.now), Callers: p.callers, Operations: do,
		Vault: p.vault, Grants: p.grants, Consent: p.consent, Spaces: made, Meetings: rooms, Keys: keys, Log: log, Now: o.now,
	}))
	mount(mux, "/oauthcallback", oauthcallback.New(oauthcallback.Deps{Grants: p.grants, Consent: p.consent, Callers: p.callers, Address: callback, Log: log}))
	mount(mux, "/createspace", createspace.New(createspace.Deps{Callers: callers.New(apiAudience, googleKeys, p.callers, o.now), Operations: do, Log: log}))
	mount(mux, "/securityevent", securityevent.New(securityevent.Deps{
		Vault: vault.New(o.docs, nil, o.now), Tokens: googleauth.NewEventVerifier(at.Events, []string{client.ID}, base, o.now), Log: log,
	}))
	return mux, nil
}

// mount serves a function below a path, with the health that Lazy gives it
// when deployed.
func mount(mux *http.ServeMux, path string, function http.Handler) {
	deployed := serve.Lazy(func(context.Context) (http.Handler, error) { return function, nil })
	mux.Handle(path+"/", http.StripPrefix(path, deployed))
}

// logger writes where o says, and to the page.
func (p *program) logger(o options) *slog.Logger {
	return logging.NewText(io.MultiWriter(o.log, p.lines))
}

// signIn is the page's own, at Google itself.
func (p *program) signIn(o options) *signIn {
	at := o.cloud.accounts
	return &signIn{
		page: p.google, address: p.address, now: o.now, begun: map[string]signingIn{},
		provider: googleauth.NewProvider(at, o.cloud.client, p.address+signInPath+"/callback", o.base),
		tokens:   googleauth.NewVerifier(googleauth.Issuer, o.cloud.client.ID, googleauth.NewKeySet(at.Certs, o.base, o.now), o.now),
	}
}

// chat is the page, configured with the app's commands as the console is.
func (p *program) chat(o options, reset func() error) *chatpage.Page {
	c := chatpage.Config{
		App: "Deputy", Endpoint: p.address + "/chatevent", Address: p.address, RejectMarkup: true,
		Google: p.google, Now: o.now, Format: o.format, Locale: o.locale, Transport: o.way,
		Log: p.lines, SecurityEventsAddress: p.address + "/securityevent/", Reset: reset,
	}
	for _, command := range chatevent.ConsoleCommands() {
		c.Commands = append(c.Commands, chatpage.Command{ID: command.ID, Name: command.Name, Args: command.Args, Description: command.Description, Dialog: command.OpensDialog}) // "Open a dialog" ticked as the table says
	}
	if o.cloud != nil {
		c.SignInAddress, c.Notice = signInPath, "Behind it is Google itself: what you do here is done in your account"
	}
	if o.app != nil {
		c.App, c.Endpoint, c.Commands, c.SecurityEventsAddress, c.RejectMarkup = o.app.Name, o.app.Endpoint, o.app.Commands, o.app.SecurityEvents, false
	}
	return chatpage.New(c)
}

func (p *program) serve(l net.Listener, h http.Handler, watch func(net.Conn, http.ConnState)) {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ConnState: watch}
	p.servers = append(p.servers, s)
	go func() { _ = s.Serve(l) }() // ends with close
}

func (p *program) close() {
	for _, s := range p.servers {
		_ = s.Close()
	}
	if p.folder != "" {
		_ = os.RemoveAll(p.folder) // in the system's folder for what does not last
	}
}

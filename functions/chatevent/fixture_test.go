package chatevent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/deputy/emulator/chatpage"
	"example.com/deputy/emulator/google"
	"example.com/deputy/functions/chatevent"
	"example.com/deputy/internal/googletest"
	"example.com/deputy/internal/seed"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/meetings"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

// The emulated people. Kim is outside the organization.
var ada, grace, alan, kim = google.People()[0], google.People()[1], google.People()[2], google.People()[3]

const (
	endpoint = "https://deputy.test/chatevent"
	team     = "spaces/AAAAteam"
)

// env is the function at an emulated Google, in a synctest bubble.
type env struct {
	t       *testing.T
	google  *googletest.Google
	page    *chatpage.Page
	handler http.Handler
	vault   *vault.Vault
	keys    *seal.Keys
	consent *consent.Flow
	callers *callersFile
	inject  func(vaulttest.Call) error // an error of the store
	log     log
}

// log is a buffer for concurrent use.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.Write(p) }

func (l *log) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.String() }

// callersFile is a callers.Store of one text.
type callersFile struct {
	text string
	err  error
}

func (s *callersFile) Read(context.Context) ([]byte, string, error) {
	return []byte(s.text), "1", s.err
}
func (s *callersFile) Write(context.Context, []byte, string) error { return nil }

// inBubble runs a test in a synctest bubble, where pauses take no time.
func inBubble(t *testing.T, test func(*env)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newEnv(t, seed.Get(t))) })
}

// inFriendlyBubble is inBubble for a test of the usual card: Google answers with whole pages and all fields.
func inFriendlyBubble(t *testing.T, test func(*env)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newEnv(t, 0)) })
}

// newEnv returns an env whose Google answers in the shapes of a seed.
func newEnv(t *testing.T, strict uint64) *env {
	t.Helper()
	e := &env{t: t, callers: &callersFile{}, inject: func(vaulttest.Call) error { return nil }}
	e.google = googletest.New(google.Config{
		Strict:   strict,
		ClientID: "client", ClientSecret: "secret", ProjectNumber: "1", AppName: "Deputy",
	})
	keyset, lookup, err := seal.Generate()
	e.check(err)
	e.keys, err = seal.New(keyset, lookup, "p", "client")
	e.check(err)
	docs := &vaulttest.Faulty{
		Docs: &memory.Docs{}, Inject: func(_ context.Context, c vaulttest.Call) error { return e.inject(c) },
	}
	e.vault = vault.New(docs, e.keys, time.Now)
	accounts := googleauth.Endpoints{
		Authorization: googletest.URL + "/o/oauth2/v2/auth", Token: googletest.URL + "/token",
		Revocation: googletest.URL + "/revoke", Certs: googletest.URL + "/oauth2/v3/certs",
		ChatCerts: googletest.URL + "/service_accounts/v1/metadata/x509/chat@system.gserviceaccount.com",
	}
	client := googleauth.Client{ID: "client", Secret: config.NewSecret("secret")}
	logger := logging.NewText(&e.log)
	keySet := googleauth.NewKeySet(accounts.Certs, e.google, time.Now)
	deps := grants.Deps{
		Vault: e.vault, Keys: e.keys, Google: googleauth.NewProvider(accounts, client, "https://deputy.test/x",
			e.google),
		IDTokens: googleauth.NewVerifier(googleauth.Issuer, keySet, time.Now, "client"), ClientID: "client",
		Address: "https://deputy.test", Log: logger, Now: time.Now,
	}
	auth := grants.New(deps)
	flow := consent.New(auth, deps, "https://chat.test")
	e.consent = flow
	urls := spaces.Endpoints{Chat: googletest.URL + "/", Identity: googletest.URL + "/"}
	chatSpaces, err := spaces.New(t.Context(), auth, e.keys, urls, e.google)
	e.check(err)
	rooms, err := meetings.New(t.Context(), auth, e.keys,
		meetings.Endpoints{Meet: googletest.URL + "/", Calendar: googletest.URL + "/calendar/v3/"}, e.google)
	e.check(err)
	file := callers.NewFile(e.callers, logger, time.Now)
	app := chat.App{ProjectNumber: "1", Endpoint: endpoint}
	chatKeys := googleauth.NewKeySet(accounts.ChatCerts, e.google, time.Now)
	e.handler = chatevent.New(chatevent.Deps{
		App: app, Verifier: chat.NewVerifier(app, chatKeys, keySet, time.Now), Vault: e.vault, Grants: auth,
		Consent: flow, Callers: file, Spaces: chatSpaces, Meetings: rooms, Keys: e.keys, Log: logger, Now: time.Now,
		Operations: operations.New(operations.Deps{
			Vault: e.vault, Grants: auth, Consent: flow, Callers: file, Spaces: chatSpaces, Meetings: rooms,
			Log: logger, Now: time.Now,
		}),
	})
	e.page = chatpage.New(chatpage.Config{App: "Deputy", Endpoint: endpoint, Google: e.google.Server, Now: time.Now})
	return e
}

func (e *env) check(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

// connect gives Deputy a grant of a person for these capabilities.
func (e *env) connect(p google.Person, allowed ...capability.Capability) {
	e.t.Helper()
	e.save(p, allowed, func(*vault.Grant) {})
}

// choice returns what a new person can choose between at a link.
func (e *env) choice(link string) consent.Choice {
	e.t.Helper()
	out, err := e.consent.Choice(e.invitation(link))
	e.check(err)
	if out == nil {
		e.t.Fatalf("no choice at %s", link)
	}
	return *out
}

// invitation returns the invitation in a link.
func (e *env) invitation(link string) config.Secret {
	_, text, _ := strings.Cut(link, "invitation=")
	return config.NewSecret(text)
}

// connectAll gives Deputy a grant of Ada for all that commands ask for.
func (e *env) connectAll() {
	e.t.Helper()
	e.connect(ada, slices.DeleteFunc(capability.All(),
		func(c capability.Capability) bool { return !c.UsedInChat() })...)
}

// save saves a person's grant after a change.
func (e *env) save(p google.Person, allowed []capability.Capability, change func(*vault.Grant)) {
	e.t.Helper()
	scopes := capability.Scopes(allowed...)
	refresh, access := e.google.Connect(p, scopes...)
	now := time.Now()
	g := vault.Grant{
		Person: resource.Person(p.User()), ClientID: "client", Scopes: scopes, Status: vault.Connected,
		RefreshToken: config.NewSecret(refresh), AccessToken: config.NewSecret(access),
		AccessExpiry: now.Add(time.Hour),
		Email:        config.NewSecret(p.Email), EmailAt: now, Domain: p.Domain, ConnectedAt: now, SignedInAt: now,
		RefreshedAt: now,
	}
	if old, err := e.vault.Grant(e.t.Context(), g.Person); err == nil {
		e.check(e.vault.DeleteGrant(e.t.Context(), old))
	}
	change(&g)
	_, err := e.vault.SaveGrant(e.t.Context(), g)
	e.check(err)
}

// object is a JSON object.
type object = map[string]any

// event is an event of a person in a space, changed by the options.
func event(p google.Person, space, kind string, options ...func(object)) object {
	of := object{"name": space, "spaceType": "SPACE", "displayName": "Team"}
	if space == direct(p) {
		of = object{"name": space, "spaceType": "DIRECT_MESSAGE", "singleUserBotDm": true}
	}
	out := object{
		"type": kind, "user": object{"name": p.User(), "type": "HUMAN"}, "space": of,
		"common": object{"userLocale": "en"},
	}
	for _, option := range options {
		option(out)
	}
	return out
}

// direct is the direct message of a person with the app.
func direct(p google.Person) string { return "spaces/DM" + p.Sub }

var messages int

// command is the event of a slash command. mentioned people follow the arguments.
func command(p google.Person, space string, id int, args string, mentioned ...google.Person) object {
	messages++
	return event(p, space, "MESSAGE", func(e object) {
		var annotations []any
		for _, m := range mentioned {
			args += " @" + m.Name
			annotations = append(annotations, object{"type": "USER_MENTION", "userMention": object{
				"user": object{"name": m.User(), "displayName": m.Name, "type": "HUMAN"},
			}})
		}
		e["message"] = object{
			"name": fmt.Sprintf("%s/messages/m%d.m%d", space, messages, messages), "argumentText": args,
			"slashCommand": object{"commandId": id}, "annotations": annotations,
		}
	})
}

// click is a click of a person on a button of a card in a space.
func click(p google.Person, space, value string, options ...func(object)) object {
	return event(p, space, "CARD_CLICKED", append([]func(object){func(e object) {
		e["message"] = object{"name": space + "/messages/card", "sender": object{"type": "BOT"}}
		e["common"] = object{"userLocale": "en", "parameters": object{"value": value}}
	}}, options...)...)
}

// opening marks a click that opens a dialog.
func opening(e object) { e["isDialogEvent"], e["dialogEventType"] = true, "REQUEST_DIALOG" }

// sending marks a click in a dialog, with its fields.
func sending(fields chat.Inputs) func(object) {
	return func(e object) {
		e["isDialogEvent"], e["dialogEventType"] = true, "SUBMIT_DIALOG"
		inputs := object{}
		for name, values := range fields {
			inputs[name] = object{"stringInputs": object{"value": values}}
		}
		e["common"].(object)["formInputs"] = inputs
	}
}

// reply is the app's reply as a person sees it.
type reply struct {
	kind    string // NEW_MESSAGE, UPDATE_MESSAGE, DIALOG, REQUEST_CONFIG, HOME, or empty
	text    string // a line for each part of the card
	buttons map[string]string
	dialogs []string // the buttons that open a dialog
	links   map[string]string
	fields  chat.Inputs
	private bool
	url     string // of REQUEST_CONFIG
}

// send delivers an event as Chat does, and fails the test if Chat would reject the reply.
func (e *env) send(event object) reply {
	e.t.Helper()
	status, body := e.post(event, "Bearer "+e.google.ChatToken())
	if status != http.StatusOK {
		e.t.Fatalf("status %d\n%s", status, e.log.String())
	}
	if err := e.page.Check(chatpage.Classic, body); err != nil {
		e.t.Errorf("Chat would reject the reply: %v\n%.2000s", err, body)
	}
	var r struct {
		ActionResponse struct {
			Type, URL    string
			DialogAction struct{ Dialog struct{ Body card } }
		}
		CardsV2              []struct{ Card card }
		PrivateMessageViewer *struct{ Name string }
		Action               struct{ Navigations []map[string]card }
		RenderActions        struct {
			Action struct{ Navigations []map[string]card }
		}
	}
	e.check(json.Unmarshal(body, &r))
	out := reply{
		kind: r.ActionResponse.Type, url: r.ActionResponse.URL, private: r.PrivateMessageViewer != nil,
		buttons: map[string]string{}, links: map[string]string{}, fields: chat.Inputs{},
	}
	out.read(r.ActionResponse.DialogAction.Dialog.Body)
	for _, c := range r.CardsV2 {
		out.read(c.Card)
	}
	for _, navigation := range append(r.Action.Navigations, r.RenderActions.Action.Navigations...) {
		for _, c := range navigation {
			out.kind = "HOME"
			out.read(c)
		}
	}
	return out
}

// post posts an event and returns the status and the body of the response.
func (e *env) post(event object, authorization string) (int, []byte) {
	e.t.Helper()
	text, err := json.Marshal(event)
	e.check(err)
	r := httptest.NewRequestWithContext(e.t.Context(), http.MethodPost, "/", bytes.NewReader(text))
	r.Header.Set("Authorization", authorization)
	w := httptest.NewRecorder()
	e.handler.ServeHTTP(w, r)
	return w.Code, w.Body.Bytes()
}

type card struct {
	Header   struct{ Title, Subtitle string }
	Sections []struct {
		Header  string
		Widgets []struct {
			TextParagraph struct{ Text string }
			DecoratedText struct {
				TopLabel, Text string
				Button         *button
				SwitchControl  *struct {
					Name, Value string
					Selected    bool
				}
			}
			ButtonList     struct{ Buttons []button }
			TextInput      *struct{ Name, Value string }
			SelectionInput *struct {
				Name  string
				Items []struct {
					Text, Value string
					Selected    bool
				}
			}
		}
	}
}

type button struct {
	Text    string
	OnClick struct {
		OpenLink struct{ URL string }
		Action   struct {
			Interaction string
			Parameters  []struct{ Value string }
		}
	}
}

// read adds what a card shows.
func (r *reply) read(c card) {
	var lines []string
	add := func(parts ...string) {
		if text := strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ": "); text != "" {
			lines = append(lines, text)
		}
	}
	add(c.Header.Title, c.Header.Subtitle)
	for _, s := range c.Sections {
		add(s.Header)
		for _, w := range s.Widgets {
			add(w.TextParagraph.Text)
			field, values := "", []string(nil)
			switch {
			case w.TextInput != nil:
				field, values = w.TextInput.Name, []string{w.TextInput.Value}
			case w.SelectionInput != nil:
				field = w.SelectionInput.Name
				for _, item := range w.SelectionInput.Items {
					if item.Selected {
						values = append(values, item.Value)
					}
				}
			case w.DecoratedText.SwitchControl != nil:
				field = w.DecoratedText.SwitchControl.Name
				if w.DecoratedText.SwitchControl.Selected {
					values = []string{w.DecoratedText.SwitchControl.Value}
				}
			}
			if field != "" {
				add("<" + field + ">")
				r.fields[field] = values
				continue
			}
			add(w.DecoratedText.TopLabel, w.DecoratedText.Text)
			row := w.ButtonList.Buttons
			if w.DecoratedText.Button != nil {
				row = append(row, *w.DecoratedText.Button)
			}
			for _, b := range row {
				add("[" + b.Text + "]")
				r.links[b.Text] = b.OnClick.OpenLink.URL
				if b.OnClick.Action.Interaction == "OPEN_DIALOG" {
					r.dialogs = append(r.dialogs, b.Text)
				}
				for _, p := range b.OnClick.Action.Parameters {
					r.buttons[b.Text] = p.Value
				}
			}
		}
	}
	r.text += strings.Join(lines, "\n")
}

// wantText checks that a reply shows these texts in this order.
func (r reply) wantText(t *testing.T, what string, texts ...string) {
	t.Helper()
	rest := r.text
	for _, text := range texts {
		_, after, ok := strings.Cut(rest, text)
		if !ok {
			t.Errorf("%s: no %q in order in\n%s", what, text, r.text)
			return
		}
		rest = after
	}
}

// wantNoText checks that a reply shows none of these texts.
func (r reply) wantNoText(t *testing.T, what string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(r.text, text) {
			t.Errorf("%s: %q in\n%s", what, text, r.text)
		}
	}
}

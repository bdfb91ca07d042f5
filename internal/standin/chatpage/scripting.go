package chatpage

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/deputy/internal/standin/google"
)

// scripting serves what tests in any language drive the page with
// (docs/local.md): JSON in and out, errors as {"error": "..."} with 400.
func (p *Page) scripting(mux *http.ServeMux) {
	mux.HandleFunc("POST /script/events", scripted(p.play))
	mux.HandleFunc("GET /script/events/{number}", scripted(func(r *http.Request, _ struct{}) (any, error) {
		x, ok := p.find(r.PathValue("number"))
		return p.told(&x), missing(ok)
	}))
	mux.HandleFunc("POST /script/events/{number}/again", scripted(func(r *http.Request, _ struct{}) (any, error) {
		x := p.again(r.Context(), r.PathValue("number"))
		return p.told(x), missing(x != nil)
	}))
	mux.HandleFunc("GET /script/calls", scripted(func(*http.Request, struct{}) (any, error) { return toldCalls(p.Google.Calls()), nil }))
	mux.HandleFunc("GET /script/spaces", scripted(p.spaces))
	mux.HandleFunc("GET /script/people", scripted(func(*http.Request, struct{}) (any, error) { return p.Google.Accounts(), nil }))
	mux.HandleFunc("GET /script/switches", scripted(func(*http.Request, struct{}) (any, error) { return p.switches(), nil }))
	mux.HandleFunc("PATCH /script/switches", scripted(func(_ *http.Request, turn map[string]bool) (any, error) {
		for name, on := range turn {
			if err := p.Google.Set(name, on); err != nil {
				return nil, err
			}
		}
		return p.switches(), nil
	}))
	mux.HandleFunc("PUT /script/settings", scripted(func(_ *http.Request, s settings) (any, error) {
		p.settle(s.Format, s.Locale)
		return settings{p.format(), p.locale()}, nil
	}))
	mux.HandleFunc("POST /script/consents", scripted(p.consents))
	mux.HandleFunc("POST /script/security-events", scripted(func(r *http.Request, in struct{ As, Type string }) (any, error) {
		who, ok := p.Google.Account(in.As)
		if !ok {
			return nil, errors.New("there is no such person here")
		}
		status, err := p.happen(r.Context(), who, in.Type)
		return map[string]int{"status": status}, err
	}))
	mux.HandleFunc("POST /script/reset", scripted(func(*http.Request, struct{}) (any, error) { return struct{}{}, p.clear() }))
}

func missing(ok bool) error {
	if ok {
		return nil
	}
	return errors.New("there was no such event")
}

// scripted reads JSON, does it, and writes JSON.
func scripted[T any](do func(*http.Request, T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in T
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
		decoder.DisallowUnknownFields()
		err := decoder.Decode(&in)
		if errors.Is(err, io.EOF) { // no body is one with nothing in it
			err = nil
		}
		var out any
		if err == nil {
			out, err = do(r, in)
		}
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			out = map[string]string{"error": err.Error()}
		}
		_ = json.NewEncoder(w).Encode(out) // the script has gone: nobody to tell
	}
}

// played is what a script lets a person do.
type played struct {
	As       string              `json:"as"`       // sub or e-mail address
	In       string              `json:"in"`       // spaces/{id}; empty is the direct message with the app
	Type     string              `json:"type"`     // message, quick, added, removed, home, click, press, close
	Text     string              `json:"text"`     // of a message; one that begins with a command is that
	Command  string              `json:"command"`  // of quick: its name or id
	Button   string              `json:"button"`   // of click and press: what stands on it
	Surface  string              `json:"surface"`  // of press: dialog, or home
	Inputs   map[string][]string `json:"inputs"`   // of press: what is filled in, besides what is there
	Function string              `json:"function"` // of click, with Message, in place of Button
	Message  string              `json:"message"`
	Params   map[string]string   `json:"parameters"`
}

// play does what a script says, as the person would.
func (p *Page) play(r *http.Request, in played) (any, error) {
	if in.In == "" {
		if who, ok := p.Google.Account(in.As); ok {
			in.In = "DM" + who.Sub
		}
	}
	who, space, err := p.place(in.As, in.In)
	if err != nil {
		return nil, err
	}
	var x *exchange
	switch in.Type {
	case "message":
		x = p.send(r.Context(), who, space, strings.TrimSpace(in.Text))
	case "quick":
		x = p.quick(r.Context(), who, space, in.Command)
	case "added":
		x = p.add(r.Context(), who, space)
	case "removed":
		x = p.remove(r.Context(), who, space)
	case "home":
		x = p.home(r.Context(), who, space)
	case "click":
		message, form, ok := p.onCard(space, in)
		if !ok {
			return nil, errors.New("there is no such button in a message that this person sees")
		}
		x = p.click(r.Context(), who, space, message, form)
	case "press":
		form, err := p.onWindow(who, in)
		if err != nil {
			return nil, err
		}
		if x = p.press(r.Context(), who, form); x == nil {
			w, _ := p.window(p.surface(in.Surface), who)
			return nil, errors.New("Chat sends nothing: " + w.Complaint)
		}
	case "close":
		x = p.cancel(r.Context(), who, space)
	default:
		return nil, errors.New("type is none of message, quick, added, removed, home, click, press, close")
	}
	if x == nil { // Chat tells the app nothing of it
		return map[string]any{"number": 0}, nil
	}
	return p.told(x), nil
}

// onCard finds the last button of this text in what the person sees.
func (p *Page) onCard(in google.Space, play played) (string, url.Values, bool) {
	if play.Function != "" {
		return play.Message, parameters(url.Values{"function": {play.Function}}, play.Params), play.Message != ""
	}
	for _, m := range slices.Backward(in.Messages) {
		chat, err := parsed(m)
		if err != nil || chat == nil {
			continue
		}
		for _, c := range chat.CardsV2 {
			for _, b := range buttonsOf(c.Card) {
				if b.Text != play.Button || b.OnClick == nil || b.OnClick.Action == nil {
					continue
				}
				form, params := url.Values{"function": {b.OnClick.Action.Function}}, map[string]string{}
				if b.OnClick.Action.Interaction == "OPEN_DIALOG" {
					form.Set("opens", "yes")
				}
				for _, param := range b.OnClick.Action.Parameters {
					params[param.Key] = param.Value
				}
				return m.ID, parameters(form, params), true
			}
		}
	}
	return "", nil, false
}

func parameters(form url.Values, params map[string]string) url.Values {
	for name, value := range params {
		form.Add("key", name)
		form.Set("value-"+name, value)
	}
	return form
}

// onWindow fills a dialog or the Home tab in, as far as the script does not
// say otherwise as it is.
func (p *Page) onWindow(who google.Person, play played) (url.Values, error) {
	w, ok := p.window(p.surface(play.Surface), who)
	if !ok {
		return nil, errors.New("this person has no such window open: surface is dialog or home")
	}
	form := holding(w.Card)
	for name, values := range play.Inputs {
		form[name] = values
	}
	for i, b := range buttonsOf(w.Card) {
		if b.Text == play.Button && b.OnClick != nil && b.OnClick.Action != nil {
			form.Set("press", strconv.Itoa(i))
			form.Set("surface", play.Surface)
			return form, nil
		}
	}
	return nil, errors.New("there is no button " + strconv.Quote(play.Button))
}

// spaces are those that ?as= is in, with what they see there.
func (p *Page) spaces(r *http.Request, _ struct{}) (any, error) {
	who, ok := p.Google.Account(r.URL.Query().Get("as"))
	if !ok {
		return nil, errors.New("there is no such person here: as is a sub or an e-mail address")
	}
	type member struct {
		Email string `json:"email"`
		State string `json:"state"`
		Role  string `json:"role,omitempty"`
	}
	type message struct {
		Name    string          `json:"name"`
		From    string          `json:"from,omitempty"` // e-mail address; empty: the app, or Chat itself
		Text    string          `json:"text,omitempty"`
		Message json.RawMessage `json:"message,omitempty"` // of the app
		Private bool            `json:"private,omitempty"`
		Prompt  string          `json:"prompt,omitempty"` // the address behind Configure
	}
	type space struct {
		Name        string    `json:"name"`
		DisplayName string    `json:"displayName,omitempty"`
		App         bool      `json:"app"`
		Members     []member  `json:"members"`
		Messages    []message `json:"messages"`
	}
	out := []space{}
	for _, s := range p.Google.SpacesOf(who) {
		to := space{s.Name(), s.DisplayName, s.App, []member{}, []message{}}
		for _, m := range s.Members {
			to.Members = append(to.Members, member{m.Person.Email, m.State, m.Role})
		}
		for _, m := range s.Messages {
			to.Messages = append(to.Messages, message{m.ID, m.Sender.Email, m.Text, m.JSON, m.Private != "", m.Prompt})
		}
		out = append(out, to)
	}
	return out, nil
}

// told is an exchange with what was done for it so far.
func (p *Page) told(x *exchange) any {
	if x == nil {
		return nil
	}
	p.mu.Lock()
	now := *x
	p.mu.Unlock()
	return struct {
		exchange
		Took  float64  `json:"took_ms"`
		Calls []call   `json:"calls"`
		Log   []string `json:"log"`
	}{now, millis(now.Took), toldCalls(now.calls(p)), append([]string{}, now.lines(p)...)}
}

// call is a call of Google's as scripts read it.
type call struct {
	Method string    `json:"method"`
	Detail string    `json:"detail,omitempty"`
	Path   string    `json:"path"`
	Status int       `json:"status"`
	Person string    `json:"person,omitempty"`
	At     time.Time `json:"at"`
	Took   float64   `json:"took_ms"`
}

func toldCalls(calls []google.Call) []call {
	out := []call{}
	for _, c := range calls {
		out = append(out, call{c.Method, c.Detail, c.Path, c.Status, c.Person, c.At, millis(c.Took)})
	}
	return out
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (p *Page) switches() map[string]bool {
	out := map[string]bool{}
	for _, s := range google.Switches() {
		out[s.Name] = p.Google.On(s.Name)
	}
	return out
}

type settings struct {
	Format Format `json:"format"`
	Locale string `json:"locale"`
}

// consents goes through a consent as a person does in a browser: from an
// address that leads there, to where the app says how it went.
func (p *Page) consents(r *http.Request, in struct {
	Address string   `json:"address"`
	As      string   `json:"as"`
	Deny    bool     `json:"deny"`
	Untick  []string `json:"untick"` // scopes, by their end
},
) (any, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	who, ok := p.Google.Account(in.As)
	if !ok {
		return nil, errors.New("there is no such person here: as is a sub or an e-mail address")
	}
	browser := &http.Client{Jar: jar, Timeout: p.client.Timeout}
	first, err := http.NewRequestWithContext(r.Context(), http.MethodGet, in.Address, nil)
	if err != nil {
		return nil, err
	}
	res, err := browser.Do(first)
	if err != nil {
		return nil, err
	}
	_ = res.Body.Close()
	request := res.Header.Get(google.RequestHeader)
	if request == "" {
		return nil, errors.New("the address leads to no consent page, but to " + res.Request.URL.Path + " with " + res.Status)
	}
	form := url.Values{"request": {request}, "account": {who.Sub}, "decision": {"allow"}}
	if in.Deny {
		form.Set("decision", "deny")
	}
	for _, scope := range p.Google.Asked(request) {
		if !slices.ContainsFunc(in.Untick, func(end string) bool { return strings.HasSuffix(scope, end) }) {
			form.Add("scope", scope)
		}
	}
	next, err := http.NewRequestWithContext(r.Context(), http.MethodPost, res.Request.URL.JoinPath("../consent").String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	next.URL.RawQuery = ""
	next.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if res, err = browser.Do(next); err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return map[string]any{"status": res.StatusCode, "address": res.Request.URL.String(), "page": string(text)}, err
}

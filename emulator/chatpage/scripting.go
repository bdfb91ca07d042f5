package chatpage

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"example.com/deputy/emulator/google"
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

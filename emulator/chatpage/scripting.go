package chatpage

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"example.com/deputy/emulator/google"
)

// registerScripting adds the scripting API (docs/local.md), with which tests in any language can use the page. An error
// is status 400 with {"error": "..."}.
func (p *Page) registerScripting(mux *http.ServeMux) {
	mux.HandleFunc("POST /script/events", handleJSON(p.playAction))
	mux.HandleFunc("GET /script/events/{number}", handleJSON(func(r *http.Request, _ struct{}) (any, error) {
		x, ok := p.find(r.PathValue("number"))
		return p.exchangeReport(&x), checkFound(ok)
	}))
	mux.HandleFunc("POST /script/events/{number}/again", handleJSON(func(r *http.Request, _ struct{}) (any, error) {
		x := p.resend(r.Context(), r.PathValue("number"))
		return p.exchangeReport(x), checkFound(x != nil)
	}))
	get := func(pattern string, do func() any) {
		mux.HandleFunc(pattern, handleJSON(func(*http.Request, struct{}) (any, error) { return do(), nil }))
	}
	get("GET /script/calls", func() any { return reportCalls(p.Google.Calls()) })
	mux.HandleFunc("GET /script/spaces", handleJSON(p.spaces))
	get("GET /script/people", func() any { return p.Google.Accounts() })
	get("GET /script/switches", func() any { return p.switches() })
	mux.HandleFunc("PATCH /script/switches", handleJSON(func(_ *http.Request, changes map[string]bool) (any, error) {
		for name, on := range changes {
			if err := p.Google.SetSwitch(name, on); err != nil {
				return nil, err
			}
		}
		return p.switches(), nil
	}))
	mux.HandleFunc("PUT /script/settings", handleJSON(func(_ *http.Request, s settings) (any, error) {
		p.configure(s.Format, s.Locale)
		return settings{p.format(), p.locale()}, nil
	}))
	mux.HandleFunc("POST /script/consents", handleJSON(p.runConsent))
	type securityEvent struct{ As, Type string }
	mux.HandleFunc("POST /script/security-events", handleJSON(func(r *http.Request, in securityEvent) (any, error) {
		person, ok := p.Google.Account(in.As)
		if !ok {
			return nil, errUnknownPerson
		}
		status, err := p.sendSecurityEvent(r.Context(), person, in.Type)
		return map[string]int{"status": status}, err
	}))
	mux.HandleFunc("POST /script/reset", handleJSON(func(*http.Request, struct{}) (any, error) {
		return struct{}{}, p.reset()
	}))
}

func checkFound(ok bool) error {
	if ok {
		return nil
	}
	return errors.New("unknown event")
}

// handleJSON calls do with the JSON request and writes its result, or its error, as JSON.
func handleJSON[T any](do func(*http.Request, T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in T
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
		decoder.DisallowUnknownFields()
		err := decoder.Decode(&in)
		if errors.Is(err, io.EOF) { // an empty body means the zero request
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
		_ = json.NewEncoder(w).Encode(out) // the client may have disconnected
	}
}

// spaces returns the spaces of ?as= with what this person sees in them.
func (p *Page) spaces(r *http.Request, _ struct{}) (any, error) {
	person, ok := p.Google.Account(r.URL.Query().Get("as"))
	if !ok {
		return nil, errUnknownPerson
	}
	type member struct {
		Email string `json:"email"`
		State string `json:"state"`
		Role  string `json:"role,omitempty"`
	}
	type message struct {
		Name    string          `json:"name"`
		From    string          `json:"from,omitempty"` // email address; empty for the app and for Chat
		Text    string          `json:"text,omitempty"`
		Message json.RawMessage `json:"message,omitempty"` // of the app
		Private bool            `json:"private,omitempty"`
		Prompt  string          `json:"prompt,omitempty"` // link of Configure
	}
	type space struct {
		Name        string    `json:"name"`
		DisplayName string    `json:"displayName,omitempty"`
		App         bool      `json:"app"`
		Members     []member  `json:"members"`
		Messages    []message `json:"messages"`
	}
	out := []space{}
	for _, s := range p.Google.SpacesOf(person) {
		report := space{s.Name(), s.DisplayName, s.App, []member{}, []message{}}
		for _, m := range s.Members {
			report.Members = append(report.Members, member{m.Person.Email, m.State, m.Role})
		}
		for _, m := range s.Messages {
			private := m.Private != ""
			report.Messages = append(report.Messages, message{m.ID, m.Sender.Email, m.Text, m.JSON, private, m.Prompt})
		}
		out = append(out, report)
	}
	return out, nil
}

// exchangeReport returns an exchange with its calls and log lines so far, or nil.
func (p *Page) exchangeReport(x *exchange) any {
	if x == nil {
		return nil
	}
	p.mu.Lock()
	current := *x
	p.mu.Unlock()
	return struct {
		exchange
		Took  float64  `json:"took_ms"`
		Calls []call   `json:"calls"`
		Log   []string `json:"log"`
	}{current, millis(current.Took), reportCalls(current.calls(p)), append([]string{}, current.lines(p)...)}
}

// call is a call to Google in the scripting API.
type call struct {
	Method string    `json:"method"`
	Detail string    `json:"detail,omitempty"`
	Path   string    `json:"path"`
	Status int       `json:"status"`
	Person string    `json:"person,omitempty"`
	At     time.Time `json:"at"`
	Took   float64   `json:"took_ms"`
}

func reportCalls(calls []google.Call) []call {
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
		out[s.Name] = p.Google.IsOn(s.Name)
	}
	return out
}

type settings struct {
	Format Format `json:"format"`
	Locale string `json:"locale"`
}

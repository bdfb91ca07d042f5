package main

import (
	"bytes"
	_ "embed" // for the page
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"os"
	"time"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/strictjson"
	"example.com/deputy/shared/vault"
)

// callersPage is the path of the page that shows the callers of the HTTP API.
const callersPage = "/callers"

// registerSandbox adds what a system needs to call the HTTP API on this machine (docs/local.md): tokens, callers, and a
// page about both. restart makes Deputy read the callers file at once.
func (p *program) registerSandbox(mux *http.ServeMux, restart func() error) {
	mux.HandleFunc("GET "+callersPage, p.showCallers)
	mux.HandleFunc("GET /script/token", text(func(r *http.Request) (string, error) {
		return p.callerToken(r.FormValue("caller"))
	}))
	mux.HandleFunc("GET /script/code", text(func(r *http.Request) (string, error) {
		person, ok := p.google.Account(r.FormValue("as"))
		if !ok {
			return "", errors.New("as must be the email address or the ID of a person on the page")
		}
		var scopes []string
		for _, c := range capability.All() {
			scopes = append(scopes, c.Scope())
		}
		return p.google.IssueAuthCode(person, "", true, scopes...), nil
	}))
	mux.HandleFunc("GET /script/callers", text(func(r *http.Request) (string, error) {
		set, err := p.callers.Read(r.Context())
		if err != nil {
			return "", err
		}
		out, err := json.Marshal(map[string]any{"callers": set.Callers})
		return string(out), err
	}))
	edit := func(change func(*http.Request, *callers.Draft) error) http.HandlerFunc {
		return text(func(r *http.Request) (string, error) {
			file, err := os.ReadFile(p.callersPath)
			if err == nil {
				file, err = callers.Edit(file, func(d *callers.Draft) error { return change(r, d) })
			}
			if err == nil {
				err = os.WriteFile(p.callersPath, file, 0o600) //nolint:gosec // the program's own file
			}
			if err == nil {
				err = restart()
			}
			return "{}", err
		})
	}
	mux.HandleFunc("PUT /script/callers/{id}", edit(func(r *http.Request, d *callers.Draft) error {
		c, err := readCaller(r)
		if err != nil {
			return err
		}
		return d.Put(c)
	}))
	mux.HandleFunc("DELETE /script/callers/{id}", edit(func(r *http.Request, d *callers.Draft) error {
		if !d.Remove(r.PathValue("id")) {
			return errors.New("no caller has this ID")
		}
		return nil
	}))
}

// text writes what do returns, or its error as the other endpoints for scripts do.
func text(do func(*http.Request) (string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		out, err := do(r)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			message, _ := json.Marshal(map[string]string{"error": err.Error()})
			out = string(message)
		}
		_, _ = io.WriteString(w, out+"\n") //nolint:gosec // plain text
	}
}

// readCaller returns a caller from JSON with the fields of the callers file.
func readCaller(r *http.Request) (callers.Caller, error) {
	var fields map[string]any
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err == nil {
		err = strictjson.Decode(body, &fields)
	}
	if err != nil {
		return callers.Caller{}, err
	}
	fields["id"], fields["kind"] = r.PathValue("id"), callers.ServiceAccount
	file, err := json.Marshal(map[string]any{"callers": []any{fields}}) // YAML, too
	if err != nil {
		return callers.Caller{}, err
	}
	set, err := callers.Parse(file)
	if err != nil {
		return callers.Caller{}, err
	}
	return set.Callers[0], nil
}

// callerToken returns an ID token of a caller's service account, as Google signs it.
func (p *program) callerToken(id string) (string, error) {
	if id == "" {
		id = "sandbox"
	}
	file, err := os.ReadFile(p.callersPath)
	if err != nil {
		return "", err
	}
	set, err := callers.Parse(file)
	if err != nil {
		return "", err
	}
	c, ok := set.Caller(id)
	if !ok {
		return "", fmt.Errorf("no caller has the ID %q; see /script/callers", id)
	}
	sub := c.UniqueID
	if sub == "" {
		sub = "109000000000000000999"
	}
	now := p.google.Now()
	return p.google.SignGoogle(map[string]any{
		"iss": "https://accounts.google.com", "aud": apiAudience, "azp": sub, "sub": sub, "email": c.Email,
		"email_verified": true, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}), nil
}

// apiNotes says how to call the HTTP API.
func (p *program) apiNotes() string {
	return fmt.Sprintf(`The HTTP API is at %[1]s/createspace; a token for it: curl -sS %[1]s/script/token
To create a space with it (docs/api.md has the rest):
  curl -sS %[1]s/createspace/v1/spaces -H "Authorization: Bearer $(curl -sS %[1]s/script/token)" \
    -H "Idempotency-Key: first-space" \
    --json '{"actAs": "ada@example.com", "authority": "delegation", "displayName": "Launch"}'
`, p.address)
}

//go:embed callers.html
var callersHTML string

var callersTemplate = template.Must(template.New("callers").Parse(callersHTML))

// showCallers shows the callers, what people have approved for them, and what they did.
func (p *program) showCallers(w http.ResponseWriter, r *http.Request) {
	type given struct {
		Person string
		vault.Approval
	}
	type view struct {
		Address  string
		Callers  []callers.Caller
		Approved map[string][]given // by caller
		Acts     []act
	}
	v := view{Address: p.address, Approved: map[string][]given{}, Acts: p.acts.latest()}
	set, err := p.callers.Read(r.Context())
	var all []vault.ListedGrant
	if err == nil {
		v.Callers = set.Callers
		all, err = p.vault.Grants(r.Context(), "", 100) // as many people as the page has
	}
	for _, g := range all {
		for _, a := range g.ValidApprovals() {
			v.Approved[a.Caller] = append(v.Approved[a.Caller], given{g.Email.Reveal(), a})
		}
	}
	var out bytes.Buffer
	if err == nil {
		err = callersTemplate.Execute(&out, v)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'")
	_, _ = w.Write(out.Bytes()) // the browser may have disconnected
}

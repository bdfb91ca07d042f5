package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/deployed"
)

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
func (s *stage) send(ctx context.Context, to *deployed.Service, p google.Person, want string) error {
	return s.sendTo(ctx, to.Address+"/", p, want, s.chat)
}

func (s *stage) sendTo(ctx context.Context, address string, p google.Person, want, token string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(s.event(p)))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	_, err = s.ask(req, http.StatusOK, want)
	return err
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
	end, err := s.returning(ctx, link, p)
	if err == nil {
		_, err = s.ask(end, http.StatusSeeOther, "")
	}
	return err
}

// returning goes as far as the browser that comes back from Google, and gives
// its request.
func (s *stage) returning(ctx context.Context, link string, p google.Person) (*http.Request, error) {
	begin, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return nil, err
	}
	res, err := s.client.Do(begin)
	if err != nil {
		return nil, err
	}
	_ = res.Body.Close()
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil || res.StatusCode != http.StatusSeeOther && res.StatusCode != http.StatusFound {
		return nil, errors.Join(err, fmt.Errorf("/start: status %d", res.StatusCode))
	}
	back, err := s.allow(ctx, to, p)
	if err != nil {
		return nil, err
	}
	end, err := http.NewRequestWithContext(ctx, http.MethodGet, back, nil)
	if err != nil {
		return nil, err
	}
	for _, c := range res.Cookies() {
		end.AddCookie(c)
	}
	return end, nil
}

// allow is the person at Google, without a network between.
func (s *stage) allow(ctx context.Context, to *url.URL, p google.Person) (string, error) {
	handler := s.google.Handler()
	q := to.Query()
	page := &recorded{header: http.Header{}}
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, "/o/oauth2/v2/auth?"+q.Encode(), nil)
	if err != nil {
		return "", err
	}
	handler.ServeHTTP(page, ask)
	request := page.header.Get(google.ConsentRequestHeader)
	form := url.Values{"request": {request}, "account": {p.Sub}, "decision": {"allow"}, "scope": s.google.RequestedScopes(request)}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, "/o/oauth2/v2/consent", strings.NewReader(form.Encode()))
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

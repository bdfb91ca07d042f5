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

// event returns the body of a person's command /createspace, typed now.
func (b *testbed) event(p google.Person) []byte {
	n := b.messages.Add(1)
	dm := "spaces/DM" + p.Sub
	user := map[string]any{"name": p.User(), "displayName": p.Name, "email": p.Email, "type": "HUMAN"}
	text, err := json.Marshal(map[string]any{
		"type": "MESSAGE", "eventTime": time.Now().UTC().Format(time.RFC3339Nano),
		"configCompleteRedirectUrl": "https://chat.google.com/complete?token=x",
		"common":                    map[string]any{"hostApp": "CHAT", "userLocale": "en"}, "user": user,
		"space": map[string]any{"name": dm, "spaceType": "DIRECT_MESSAGE", "type": "DM", "singleUserBotDm": true},
		"message": map[string]any{
			"name": fmt.Sprintf("%s/messages/m%d.m%d", dm, n, n),
			"text": fmt.Sprintf("/createspace Plan %d", n), "argumentText": fmt.Sprintf(" Plan %d", n),
			"sender": user, "slashCommand": map[string]any{"commandId": "5"},
			"thread": map[string]any{"name": fmt.Sprintf("%s/threads/m%d.m%d", dm, n, n)},
			"annotations": []any{map[string]any{
				"type": "SLASH_COMMAND", "startIndex": 0, "length": 12,
				"slashCommand": map[string]any{"type": "INVOKE", "commandName": "/createspace", "commandId": "5"},
			}},
		},
	})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return text
}

// send sends an event as Chat does and requires the reply to contain want.
func (b *testbed) send(ctx context.Context, to *deployed.Service, p google.Person, want string) error {
	return b.sendTo(ctx, to.Address+"/", p, want, b.chatToken)
}

func (b *testbed) sendTo(ctx context.Context, address string, p google.Person, want, token string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(b.event(p)))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	return b.do(req, http.StatusOK, want)
}

// do sends a request and requires a status and a body that contains want.
func (b *testbed) do(req *http.Request, status int, want string) error {
	res, err := b.client.Do(req)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err == nil && (res.StatusCode != status || !strings.Contains(string(text), want)) {
		err = fmt.Errorf("%s: status %d without %q: %.300s", req.URL.Path, res.StatusCode, want, text)
	}
	return err
}

// create creates a space through the API, as the caller.
func (b *testbed) create(ctx context.Context, to *deployed.Service, p google.Person) error {
	n := b.messages.Add(1)
	body := fmt.Sprintf(`{"actAs":"%s","displayName":"Plan %d"}`, p.User(), n)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.Address+"/v1/spaces", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+b.callerToken)
	req.Header.Set("Idempotency-Key", fmt.Sprintf("bench-%08d", n))
	req.Header.Set("Content-Type", "application/json")
	return b.do(req, http.StatusCreated, `"name":"spaces/`)
}

// connect turns an invitation into a stored grant: /start and /callback are the
// function's, the consent between them is Google's.
func (b *testbed) connect(ctx context.Context, i invitation) error {
	callback, err := b.allow(ctx, i)
	if err == nil {
		err = b.do(callback, http.StatusSeeOther, "")
	}
	return err
}

// allow opens an invitation, gives the consent, and returns the browser's request for /callback.
func (b *testbed) allow(ctx context.Context, i invitation) (*http.Request, error) {
	start, err := http.NewRequestWithContext(ctx, http.MethodGet, i.link, nil)
	if err != nil {
		return nil, err
	}
	res, err := b.client.Do(start)
	if err != nil {
		return nil, err
	}
	_ = res.Body.Close()
	authorization, err := url.Parse(res.Header.Get("Location"))
	if err != nil || res.StatusCode != http.StatusSeeOther && res.StatusCode != http.StatusFound {
		return nil, errors.Join(err, fmt.Errorf("/start: status %d", res.StatusCode))
	}
	redirect, err := b.consent(ctx, authorization, i.person)
	if err != nil {
		return nil, err
	}
	callback, err := http.NewRequestWithContext(ctx, http.MethodGet, redirect, nil)
	if err != nil {
		return nil, err
	}
	for _, c := range res.Cookies() {
		callback.AddCookie(c)
	}
	return callback, nil
}

// consent gives a person's consent to Google without a network, and returns the address that Google redirects to.
func (b *testbed) consent(ctx context.Context, authorization *url.URL, p google.Person) (string, error) {
	handler := b.google.Handler()
	q := authorization.Query()
	page := &recorder{header: http.Header{}}
	get, err := http.NewRequestWithContext(ctx, http.MethodGet, "/o/oauth2/v2/auth?"+q.Encode(), nil)
	if err != nil {
		return "", err
	}
	handler.ServeHTTP(page, get)
	request := page.header.Get(google.ConsentRequestHeader)
	scopes := b.google.RequestedScopes(request)
	form := url.Values{"request": {request}, "account": {p.Sub}, "decision": {"allow"}, "scope": scopes}
	body := strings.NewReader(form.Encode())
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, "/o/oauth2/v2/consent", body)
	if err != nil {
		return "", err
	}
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res := &recorder{header: http.Header{}}
	handler.ServeHTTP(res, post)
	location := res.header.Get("Location")
	if location == "" {
		return "", fmt.Errorf("consent at Google: status %d %.200s", res.status, res.body.String())
	}
	return location, nil
}

// recorder records the response of a handler that is called without a network.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

// runConcurrently runs n operations on several workers and returns the first error.
func runConcurrently(ctx context.Context, workers, n int, op func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || ctx.Err() != nil {
					return
				}
				if err := op(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestRun_OneAddressServesEverything(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"-open=false", "-addr", "127.0.0.1:0"}, in, io.Discard) }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address := strings.Fields(strings.TrimPrefix(line, "Deputy runs at "))[0]
	for path, want := range map[string]int{
		"/": 200, "/style.css": 200, "/script.js": 200, "/oauthcallback/health": 200, "/createspace/health": 200,
		"/createspace/v1/spaces/x": 401, "/createspace/openapi.yaml": 200, "/nowhere": 404,
		"/google/o/oauth2/v2/auth": 400, "/complete?token=x": 410,
	} {
		res, err := http.DefaultClient.Do(request(t, http.MethodGet, address+path, nil))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: got %d, want %d", path, res.StatusCode, want)
		}
	}
	r := request(t, http.MethodGet, address+"/", nil)
	r.Host = "evil.example.com"
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("another host name: got %d, want 403", res.StatusCode)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestRun_UnusableAddress(t *testing.T) {
	t.Parallel()
	busy, err := listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Close() }()
	for addr, want := range map[string]string{
		"0.0.0.0:8080":       "must be a loopback address",
		":8080":              "must be a loopback address",
		"192.0.2.1:8080":     "must be a loopback address",
		"8080":               "must look like 127.0.0.1:8765",
		busy.Addr().String(): "choose another port",
	} {
		err := run(t.Context(), []string{"-open=false", "-addr", addr}, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", addr, err, want)
		}
	}
	if err := run(t.Context(), []string{"serve"}, io.Discard, io.Discard); err == nil ||
		!strings.Contains(err.Error(), `unexpected argument "serve"`) {
		t.Errorf("got %v", err)
	}
}

// Command least is the baseline of the benchmark: for an event from Chat, it only verifies the token with a key in
// memory and makes one call to Google on a kept-alive connection. The query ?reads=N&writes=M adds reads and writes of
// Firestore, and ?calls=K changes the number of calls (docs/performance.md).
package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/firestore"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "least:", err)
		os.Exit(1)
	}
}

func run() error {
	keys, err := fetchKeys("https://www.googleapis.com/service_accounts/v1/metadata/x509/" +
		"chat@system.gserviceaccount.com")
	if err != nil {
		return err
	}
	setting := firestore.Config{Project: os.Getenv("GOOGLE_CLOUD_PROJECT"), Database: "(default)"}
	docs, err := firestore.New(context.Background(), setting)
	if err != nil {
		return err
	}
	token, calls := "Bearer "+os.Getenv("TOKEN"), atomic.Int64{}
	google := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 100,
	}}
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), ReadHeaderTimeout: 10 * time.Second}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil || !verify(r.Header.Get("Authorization"), keys) {
			http.Error(w, "invalid token", http.StatusUnauthorized)
			return
		}
		n := calls.Add(1)
		if err := useStore(r, docs, n); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		for i := range queryInt(r, "calls", 1) {
			if err := setUpSpace(r.Context(), google, token, fmt.Sprintf("%d-%d", n, i)); err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
				return
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"text":"Space created"}`)
	})
	return server.ListenAndServe()
}

// setUpSpace creates a space and reads the whole response, so that the connection is used again.
func setUpSpace(ctx context.Context, google *http.Client, token, name string) error {
	const url = "https://chat.googleapis.com/v1/spaces:setup?alt=json"
	const format = `{"requestId":"least-%[1]s","space":{"displayName":"Least %[1]s","spaceType":"SPACE"}}`
	body := fmt.Appendf(nil, format, name)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", token)
	req.Header.Set("Content-Type", "application/json")
	res, err := google.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	if err == nil && res.StatusCode != http.StatusOK {
		err = errors.New(res.Status)
	}
	return err
}

// queryInt returns an integer of the query, or a default.
func queryInt(r *http.Request, name string, defaultValue int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil {
		return defaultValue
	}
	return n
}

// useStore reads and writes documents of about 200 bytes, as often as the query says.
func useStore(r *http.Request, docs *firestore.Docs, n int64) error {
	reads, writes := queryInt(r, "reads", 0), queryInt(r, "writes", 0)
	for range reads {
		if _, err := docs.Get(r.Context(), "grants", "300000000000000000000"); err != nil {
			return err
		}
	}
	for i := range writes {
		fields := vault.Fields{"text": strings.Repeat("x", 200), "at": time.Now()}
		if _, err := docs.Create(r.Context(), "least", fmt.Sprintf("%s-%d-%d", rand.Text(), n, i), fields); err != nil {
			return err
		}
	}
	return nil
}

// fetchKeys returns the RSA keys of the certificates at address, by key ID.
func fetchKeys(address string) (map[string]*rsa.PublicKey, error) {
	res, err := http.Get(address) //nolint:gosec,noctx // a constant address, at the start
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	var texts map[string]string
	if err := json.NewDecoder(res.Body).Decode(&texts); err != nil {
		return nil, err
	}
	keys := map[string]*rsa.PublicKey{}
	for id, text := range texts {
		block, _ := pem.Decode([]byte(text))
		if block == nil {
			return nil, fmt.Errorf("key %s: not a PEM certificate", id)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		if key, ok := cert.PublicKey.(*rsa.PublicKey); ok {
			keys[id] = key
		}
	}
	return keys, nil
}

// verify reports whether an Authorization header has a valid token for AUDIENCE.
func verify(header string, keys map[string]*rsa.PublicKey) bool {
	parts := strings.Split(strings.TrimPrefix(header, "Bearer "), ".")
	if len(parts) != 3 {
		return false
	}
	var head struct{ Kid string }
	var claims struct {
		Iss, Aud string
		Exp      int64
	}
	if decode(parts[0], &head) != nil || decode(parts[1], &claims) != nil || keys[head.Kid] == nil {
		return false
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	return err == nil && rsa.VerifyPKCS1v15(keys[head.Kid], crypto.SHA256, sum[:], signature) == nil &&
		claims.Aud == os.Getenv("AUDIENCE") && time.Now().Unix() < claims.Exp
}

// decode decodes a part of a JSON Web Token into v.
func decode(part string, v any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

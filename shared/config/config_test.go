package config_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"example.com/deputy/shared/config"
)

func env(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := values[name]; return v, ok }
}

func TestReader_ReportsAllErrors(t *testing.T) {
	r := config.NewReader(env(map[string]string{"B": "http://deputy.example.com", "C": "my-project", "D": ""}))
	r.Required("A")
	r.Address("B")
	r.ProjectNumber("C")
	r.Secret("D")
	err := r.Err()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"A is not set", "B must start with https://", "C must be a number", "D is not set"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
}

func TestReader_Contact(t *testing.T) {
	for contact, valid := range map[string]bool{
		"": true, "help@example.com": true, "https://help.example.com": true,
		"help": false, "http://help.example.com": false, "javascript:alert(1)": false,
	} {
		r := config.NewReader(env(map[string]string{"A": contact}))
		if got := r.Contact("A"); got != contact || (r.Err() == nil) != valid {
			t.Errorf("%q: got %q, %v", contact, got, r.Err())
		}
	}
}

func TestReader_Address(t *testing.T) {
	for address, valid := range map[string]bool{
		"https://deputy.example.com/oauth": true,
		"http://127.0.0.1:8080":            true,
		"http://[::1]:8080":                true,
		"http://localhost:8080/":           true,
		"http://deputy.example.com":        false,
		"http://127.0.0.1.example.com":     false,
		"https://user@deputy.example.com":  false,
		"https://deputy.example.com?x=1":   false,
		"deputy.example.com":               false,
	} {
		r := config.NewReader(env(map[string]string{"A": address}))
		r.Address("A")
		if got := r.Err() == nil; got != valid {
			t.Errorf("%s: valid %v, want %v", address, got, valid)
		}
	}
}

func TestReader_Addresses(t *testing.T) {
	for list, want := range map[string][]string{
		"https://a.example":                      {"https://a.example"},
		"https://a.example, https://b.example/x": {"https://a.example", "https://b.example/x"},
		"":                                       nil,
		"https://a.example,":                     nil,
		"https://a.example,,https://b.example":   nil,
		"*":                                      nil,
		"https://a.example https://b.example":    nil,
		"https://a.example,deputy-createspace":   nil,
		"https://a.example,http://b.example":     nil,
		"https://a.example\u200b,https://b.example?x=1": nil,
	} {
		r := config.NewReader(env(map[string]string{"A": list}))
		if got := r.Addresses("A"); !slices.Equal(got, want) || (r.Err() == nil) != (want != nil) {
			t.Errorf("%q: %q, %v", list, got, r.Err())
		}
	}
}

func TestSecret_IsNotPrinted(t *testing.T) {
	secret := config.NewSecret("GOCSPX-marked")
	holder := struct{ S config.Secret }{secret}
	asJSON, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("m", "s", secret, "h", holder)
	for _, text := range []string{
		fmt.Sprint(secret),
		fmt.Sprintf("%s %q %v %+v %#v %x %d", secret, secret, secret, secret, secret, secret, secret),
		fmt.Sprintf("%v %+v %#v", holder, holder, &holder), string(asJSON), logged.String(), secret.String(),
	} {
		if strings.Contains(text, "marked") || strings.Contains(text, "6d61726b6564") {
			t.Errorf("the secret is in %q", text)
		}
	}
	if got, want := secret.Reveal(), "GOCSPX-marked"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

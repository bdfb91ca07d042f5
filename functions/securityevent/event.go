package securityevent

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/vault"
)

// The types of events that Deputy acts on (oauth-admin.md 3.3).
const (
	risc                     = "https://schemas.openid.net/secevent/risc/event-type/"
	oauth                    = "https://schemas.openid.net/secevent/oauth/event-type/"
	sessionsRevoked          = risc + "sessions-revoked"
	credentialChangeNeeded   = risc + "account-credential-change-required"
	accountDisabled          = risc + "account-disabled"
	accountPurged            = risc + "account-purged"
	tokensRevoked            = oauth + "tokens-revoked"
	tokenRevoked             = oauth + "token-revoked"
	hijacked                 = "hijacking"
	prefixOfToken            = "prefix"
	doubleHashOfToken        = "hash_base64_sha512_sha512" //nolint:gosec // the name of an algorithm
	googleIssuerWithoutSlash = "accounts.google.com"
)

// event is one event of a token.
type event struct {
	Subject struct {
		Issuer    string        `json:"iss"`
		Sub       string        `json:"sub"`
		Algorithm string        `json:"token_identifier_alg"`
		Token     config.Secret `json:"token"`
	} `json:"subject"`
	Reason string `json:"reason"`
	State  string `json:"state"` // of a verification that the operator asked for
}

// mostState is how much of a state goes to the log, in bytes.
const mostState = 64

func firstOf(text string, most int) string {
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}

// apply does what Google requires, and leaves a line of each event. What
// cannot be understood is logged too: sending it again would not help.
func (f function) apply(ctx context.Context, kind string, text json.RawMessage, at time.Time) error {
	var e event
	_ = json.Unmarshal(text, &e) // what is missing then shows below
	switch kind {
	case tokenRevoked:
		return f.tokenRevoked(ctx, e)
	case tokensRevoked, accountDisabled, accountPurged, sessionsRevoked, credentialChangeNeeded:
		return f.about(ctx, kind, e, at)
	default:
		f.Log.InfoContext(ctx, "security event", slog.String("type", kind), slog.String("state", firstOf(e.State, mostState)), slog.String("outcome", "logged"))
		return nil
	}
}

// about does what an event about a person asks for.
func (f function) about(ctx context.Context, kind string, e event, at time.Time) (err error) {
	who := e.person()
	if who == "" {
		f.Log.ErrorContext(ctx, "a security event names nobody", slog.String("type", kind))
		return nil
	}
	var done userauth.Consequence
	switch kind {
	case tokensRevoked, accountDisabled:
		done, err = f.Auth.End(ctx, who, at)
	case accountPurged:
		done, err = f.Auth.Erase(ctx, who, at)
	default:
		done, err = f.Auth.Drop(ctx, who)
	}
	if err == nil && e.Reason == hijacked {
		// Whoever had the account may have approved systems in its name.
		err = f.distrust(ctx, who)
	}
	if err == nil {
		f.Log.InfoContext(ctx, "security event", slog.String("type", kind), slog.String("person", who), slog.String("outcome", string(done)))
	}
	return err
}

// distrust withdraws what was approved in the name of a hijacked account,
// unless its owner has connected anew since.
func (f function) distrust(ctx context.Context, who string) error {
	c, err := f.Auth.Connection(ctx, who)
	if err == nil && !c.Connected {
		_, err = f.Auth.Vault.WithdrawApprovals(ctx, who)
	}
	return err
}

// tokenRevoked ends the grants that hold one revoked token.
func (f function) tokenRevoked(ctx context.Context, e event) error {
	var mark vault.TokenMark
	switch e.Subject.Algorithm {
	case prefixOfToken:
		mark.Prefix = e.Subject.Token.Reveal()
	case doubleHashOfToken:
		mark.Hash = hash(e.Subject.Token)
	}
	ended, err := f.Auth.EndToken(ctx, mark)
	if err != nil {
		return err
	}
	f.Log.InfoContext(ctx, "security event", slog.String("type", tokenRevoked), slog.Int("ended", ended))
	return nil
}

// hash reads a hash in any of base64's alphabets; what is none is found
// nowhere.
func hash(text config.Secret) []byte {
	plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text.Reveal(), "="))
	sum, _ := base64.RawStdEncoding.DecodeString(plain)
	return sum
}

var sub = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

// person is whom an event is about (users/{sub}): by the sub that Google
// itself gives, never by an e-mail address.
func (e event) person() string {
	issuer := strings.TrimSuffix(e.Subject.Issuer, "/")
	if issuer != googleauth.Issuer && issuer != googleIssuerWithoutSlash || !sub.MatchString(e.Subject.Sub) {
		return ""
	}
	return userauth.Person(e.Subject.Sub)
}

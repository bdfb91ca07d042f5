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
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/strictjson"
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

// marks are what each type of event moves forward. An access token that Google
// gave before is not used after sessions-revoked until Google was asked.
var marks = map[string][]vault.Mark{
	tokensRevoked: {vault.RevokedAt}, accountDisabled: {vault.RevokedAt}, accountPurged: {vault.RevokedAt},
	sessionsRevoked: {vault.SessionsAt, vault.AskAt}, credentialChangeNeeded: {vault.AskAt},
}

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
	if err := strictjson.Decode(text, &e); err != nil {
		f.Log.ErrorContext(ctx, "a security event cannot be read", slog.String("type", firstOf(kind, 2*mostState)), slog.String("error", err.Error()))
		return nil
	}
	switch {
	case kind == tokenRevoked:
		return f.tokenRevoked(ctx, e, at)
	case marks[kind] != nil:
		return f.about(ctx, kind, e, at)
	default:
		f.Log.InfoContext(ctx, "security event", slog.String("type", firstOf(kind, 2*mostState)), slog.String("state", firstOf(e.State, mostState)), slog.String("outcome", "logged"))
		return nil
	}
}

// about does what an event about a person asks for.
func (f function) about(ctx context.Context, kind string, e event, at time.Time) error {
	who := e.person()
	if who == "" {
		f.Log.ErrorContext(ctx, "a security event names nobody", slog.String("type", kind))
		return nil
	}
	wanted := marks[kind]
	if e.Reason == hijacked {
		// Whoever had the account may have approved systems in its name: what
		// was given until now counts no more.
		wanted = []vault.Mark{vault.RevokedAt}
	}
	outcome := "nothing to do"
	for _, mark := range wanted {
		moved, err := f.Vault.MarkGrant(ctx, resource.Person(who), mark, at)
		if err != nil {
			return err
		}
		if moved {
			outcome = string(mark)
		}
	}
	f.Log.InfoContext(ctx, "security event", slog.String("type", kind), slog.String("person", who), slog.String("outcome", outcome))
	return nil
}

// tokenRevoked ends the grants that hold one revoked token.
func (f function) tokenRevoked(ctx context.Context, e event, at time.Time) error {
	var mark vault.TokenMark
	switch e.Subject.Algorithm {
	case prefixOfToken:
		mark.Prefix = e.Subject.Token.Reveal()
	case doubleHashOfToken:
		mark.Hash = hash(e.Subject.Token)
	}
	people, err := f.Vault.PeopleByToken(ctx, mark)
	if err != nil {
		return err
	}
	for _, who := range people {
		if _, err := f.Vault.MarkGrant(ctx, resource.Person(who), vault.RevokedAt, at); err != nil {
			return err
		}
	}
	f.Log.InfoContext(ctx, "security event", slog.String("type", tokenRevoked), slog.Int("found", len(people)))
	return nil
}

// hash reads a hash in any of base64's alphabets; what is none is found
// nowhere.
func hash(text config.Secret) []byte {
	plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text.Reveal(), "="))
	sum, _ := base64.RawStdEncoding.DecodeString(plain)
	return sum
}

var sub = regexp.MustCompile(`^[A-Za-z0-9._|-]{1,255}$`)

// person is whom an event is about (users/{sub}): by the sub that Google
// itself gives, never by an e-mail address.
func (e event) person() string {
	issuer := strings.TrimSuffix(e.Subject.Issuer, "/")
	if googleauth.IssuerURL(issuer) != googleauth.Issuer && issuer != googleIssuerWithoutSlash || !sub.MatchString(e.Subject.Sub) {
		return ""
	}
	return string(grants.Person(e.Subject.Sub))
}

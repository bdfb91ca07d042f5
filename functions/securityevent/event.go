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

// The types of events that Deputy handles, and values in them (identity/protocols/risc).
const (
	risc                   = "https://schemas.openid.net/secevent/risc/event-type/"
	oauth                  = "https://schemas.openid.net/secevent/oauth/event-type/"
	sessionsRevoked        = risc + "sessions-revoked"
	credentialChangeNeeded = risc + "account-credential-change-required"
	accountDisabled        = risc + "account-disabled"
	accountPurged          = risc + "account-purged"
	tokensRevoked          = oauth + "tokens-revoked"
	tokenRevoked           = oauth + "token-revoked"
	reasonHijacking        = "hijacking"
	prefixAlgorithm        = "prefix"
	doubleHashAlgorithm    = "hash_base64_sha512_sha512" //nolint:gosec // the name of an algorithm
	issuerWithoutScheme    = "accounts.google.com"
)

// marks are the marks that each type of event moves forward. After sessions-revoked, older access tokens aren't used
// until Google confirms the grant.
var marks = map[string][]vault.Mark{
	tokensRevoked: {vault.RevokedAt}, accountDisabled: {vault.RevokedAt}, accountPurged: {vault.RevokedAt},
	sessionsRevoked: {vault.SessionsEndedAt, vault.RecheckAt}, credentialChangeNeeded: {vault.RecheckAt},
}

// event is one of the events in a security event token.
type event struct {
	Subject struct {
		Issuer    string        `json:"iss"`
		Sub       string        `json:"sub"`
		Algorithm string        `json:"token_identifier_alg"`
		Token     config.Secret `json:"token"`
	} `json:"subject"`
	Reason string `json:"reason"`
	State  string `json:"state"` // of a verification event, which the operator requested
}

const maxLoggedState, maxLoggedType = 64, 128 // in bytes

func truncate(text string, limit int) string {
	return strings.ToValidUTF8(text[:min(len(text), limit)], "")
}

// apply does what Google requires for an event, and logs it. It logs an invalid event too, and returns nil, because
// sending that event again wouldn't help.
func (f function) apply(ctx context.Context, kind string, text json.RawMessage, at time.Time) error {
	var e event
	if err := strictjson.Decode(text, &e); err != nil {
		f.Log.ErrorContext(ctx, "invalid security event",
			slog.String("type", truncate(kind, maxLoggedType)), slog.String("error", err.Error()))
		return nil
	}
	switch {
	case kind == tokenRevoked:
		return f.revokeByToken(ctx, e, at)
	case marks[kind] != nil:
		return f.markPerson(ctx, kind, e, at)
	default:
		f.Log.InfoContext(ctx, "security event", slog.String("type", truncate(kind, maxLoggedType)),
			slog.String("state", truncate(e.State, maxLoggedState)), slog.String("outcome", "logged"))
		return nil
	}
}

// markPerson moves the marks of the person's grant.
func (f function) markPerson(ctx context.Context, kind string, e event, at time.Time) error {
	person := e.person()
	if person == "" {
		f.Log.ErrorContext(ctx, "security event without a valid subject", slog.String("type", kind))
		return nil
	}
	wanted := marks[kind]
	if e.Reason == reasonHijacking {
		// The hijacker may have approved callers, so revoke the grant with all its approvals.
		wanted = []vault.Mark{vault.RevokedAt}
	}
	outcome := "unchanged"
	for _, mark := range wanted {
		moved, err := f.Vault.MarkGrant(ctx, resource.Person(person), mark, at)
		if err != nil {
			return err
		}
		if moved {
			outcome = string(mark)
		}
	}
	f.Log.InfoContext(ctx, "security event",
		slog.String("type", kind), slog.String("person", person), slog.String("outcome", outcome))
	return nil
}

// revokeByToken marks the grants that hold a revoked token.
func (f function) revokeByToken(ctx context.Context, e event, at time.Time) error {
	var mark vault.TokenIdentifier
	switch e.Subject.Algorithm {
	case prefixAlgorithm:
		mark.Prefix = e.Subject.Token.Reveal()
	case doubleHashAlgorithm:
		mark.Hash = decodeHash(e.Subject.Token)
	}
	people, err := f.Vault.PeopleByToken(ctx, mark)
	if err != nil {
		return err
	}
	for _, person := range people {
		if _, err := f.Vault.MarkGrant(ctx, resource.Person(person), vault.RevokedAt, at); err != nil {
			return err
		}
	}
	f.Log.InfoContext(ctx, "security event", slog.String("type", tokenRevoked), slog.Int("found", len(people)))
	return nil
}

// decodeHash decodes a hash in any base64 alphabet. The result for invalid text matches no token.
func decodeHash(text config.Secret) []byte {
	standard := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text.Reveal(), "="))
	sum, _ := base64.RawStdEncoding.DecodeString(standard)
	return sum
}

var validSub = regexp.MustCompile(`^[A-Za-z0-9._|-]{1,255}$`)

// person returns the person that an event is about, as users/{sub}, or "". It trusts only a sub issued by Google, never
// an email address.
func (e event) person() string {
	issuer := strings.TrimSuffix(e.Subject.Issuer, "/")
	isGoogle := googleauth.IssuerURL(issuer) == googleauth.Issuer || issuer == issuerWithoutScheme
	if !isGoogle || !validSub.MatchString(e.Subject.Sub) {
		return ""
	}
	return string(grants.Person(e.Subject.Sub))
}

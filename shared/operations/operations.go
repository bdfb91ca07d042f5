// Package operations is what any function can ask for: one method for each
// operation. It decides for whom, by which authority, whether the operator's
// policy and the person allow it, does it once for its key, and leaves the audit
// line and what the person sees in /status.
//
// It does not know HTTP, JSON bodies or Chat's events: functions decode, call one
// method, and encode. What is done at Google is in shared/spaces and
// shared/meetings. Start at run.go; each kind of operation has a file of its own.
package operations

import (
	"log/slog"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/meetings"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/vault"
)

// Deps are what the operations work with; all but Delegated are required.
type Deps struct {
	Vault    *vault.Vault
	Grants   *grants.Grants
	Consent  *consent.Flow
	Callers  *callers.File // for the operator's templates
	Spaces   *spaces.Spaces
	Meetings *meetings.Meetings
	// Delegated is nil where no service account is set up for that.
	Delegated *grants.Delegated
	Log       *slog.Logger
	Now       func() time.Time
}

// Operations does them. It is safe for concurrent use.
type Operations struct {
	deps   Deps
	runner *Runner
	reads  *lru.Cache[string, struct{}] // that were noted this hour
}

// mostReads is how many notes are remembered; each is 32 bytes.
const mostReads = 10_000

// New does operations with these.
func New(d Deps) *Operations {
	reads, err := lru.New[string, struct{}](mostReads)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &Operations{d, NewRunner(d.Vault, d.Log, d.Now), reads}
}

// Call says who asks for an operation, and as whom it is done.
type Call struct {
	Caller    callers.Caller  // as callers.Verify gives it
	Person    resource.Named  // users/{id} or an e-mail address, as the caller names them
	Authority vault.Authority // callers.ByUser, ByAdmin or ByDelegation
	Key       resource.Key    // idempotency key; empty for what only reads
	self      bool
}

// Self is a person (users/{id}) who asks for themself, as Chat has verified: no
// policy and no approval stands between. key names the doing, such as the message
// of a command: the same key and input are the same operation.
func Self(person resource.Person, key resource.Key) Call {
	return Call{Person: resource.Named(person), Authority: callers.ByUser, Key: key, self: true}
}

// operation is one of them, for one call.
type operation struct {
	name    string             // the operationId of openapi.yaml
	actions []string           // all that it does; the first names it in logs and policies
	space   resource.SpaceName // spaces/{id} that it is done in; may be empty
	needs   []capability.Capability
	// once keeps a record of it also for a person in Chat: Google has no key for a
	// part of it.
	once bool
}

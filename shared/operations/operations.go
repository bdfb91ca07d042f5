// Package operations holds one method for each operation that a function can ask for. A method resolves
// the person and the authority, checks the operator's policy and the person's approval, and does the
// operation once for its key. It writes the audit line and the activity that the person sees in /status.
//
// It does not know HTTP, JSON bodies or Chat's events: functions decode, call one method, and encode. The calls
// to Google are in shared/spaces and shared/meetings. Start at run.go; each kind of operation has its own file.
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

// Deps are the dependencies of Operations; all but Delegated are required.
type Deps struct {
	Vault    *vault.Vault
	Grants   *grants.Grants
	Consent  *consent.Flow
	Callers  *callers.File // for the operator's templates
	Spaces   *spaces.Spaces
	Meetings *meetings.Meetings
	// Delegated is nil if no service account is set up for delegation.
	Delegated *grants.Delegated
	Log       *slog.Logger
	Now       func() time.Time
}

// Operations does operations. It is safe for concurrent use.
type Operations struct {
	deps   Deps
	runner *Runner
	reads  *lru.Cache[string, struct{}] // ids of the read activities recorded this hour
}

// maxReads limits Operations.reads; each id has 32 bytes.
const maxReads = 10_000

// New returns Operations with these dependencies.
func New(d Deps) *Operations {
	reads, err := lru.New[string, struct{}](maxReads)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &Operations{d, NewRunner(d.Vault, d.Log, d.Now), reads}
}

// Call says who asks for an operation, and as whom it is done.
type Call struct {
	Caller    callers.Caller  // from callers.Verify
	Person    resource.Named  // users/{id} or an email address, as the caller names them
	Authority vault.Authority // callers.AuthorityUser and so on
	Key       resource.Key    // idempotency key; empty for a read
	OnRepeat  func()          // called before a stored response is returned; nil for none
	self      bool
}

// Self returns the call of a person (users/{id}) who asks for themself, verified by Chat: no policy or approval
// applies. key identifies the event, such as the command's message: the same key and input are the same operation.
func Self(person resource.Person, key resource.Key) Call {
	return Call{Person: resource.Named(person), Authority: callers.AuthorityUser, Key: key, self: true}
}

// operation describes one operation for one call.
type operation struct {
	name    string             // the operationId of openapi.yaml
	actions []string           // all that it does; logs and activities show the first
	space   resource.SpaceName // spaces/{id} that it is done in; may be empty
	needs   []capability.Capability
	// alwaysRecord keeps a record also for a person in Chat: one of Google's calls accepts no idempotency key.
	alwaysRecord bool
}

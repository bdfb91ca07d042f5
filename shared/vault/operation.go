package vault

import (
	"context"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

const operations = "operations"

// OperationLife is how long an operation's result can be had again.
const OperationLife = 7 * 24 * time.Hour

// Operation is one run of an action under its key, with its result once there is
// one (collection operations, id: a hash of caller and key).
type Operation struct {
	ID      string          `json:"-"`
	Person  resource.Person `json:"person"`  // users/{sub} whom it is done as; empty for one who never connected
	Caller  string          `json:"caller"`  // who asked for it
	Request string          `json:"request"` // hash of the request: the same key may not ask for something else
	Lease   time.Time       `json:"lease"`   // until when an instance owns it; zero: none does
	Result  config.Secret   `json:"-"`       // JSON; empty: not done
	Journal config.Secret   `json:"-"`       // JSON: what tries before have kept for the next
	Expires time.Time       `json:"expires"`

	version Version
}

type sealedOperation struct {
	Operation
	Result  string `json:"result,omitempty"`
	Journal string `json:"journal,omitempty"`
}

// Operation reads one; NotFound when there is none. One that does not open is an
// Internal error: running it again could do it twice.
func (v *Vault) Operation(ctx context.Context, id string) (Operation, error) {
	doc, err := v.docs.Get(ctx, operations, id)
	if err != nil {
		return Operation{}, fault.Wrap("vault.Operation", err)
	}
	return v.operationOf(doc)
}

func (v *Vault) operationOf(doc Doc) (Operation, error) {
	var read sealedOperation
	if err := v.open(operations, doc, &read); err != nil {
		return Operation{}, err
	}
	o := read.Operation
	o.Result, o.Journal, o.ID, o.version = config.NewSecret(read.Result), config.NewSecret(read.Journal), doc.ID, doc.Version
	return o, nil
}

// CreateOperation stores a new one; Conflict when there is one.
func (v *Vault) CreateOperation(ctx context.Context, o Operation) (Operation, error) {
	o.Expires = v.now().Add(OperationLife)
	f, err := v.operationFields(o)
	if err == nil {
		o.version, err = v.docs.Create(ctx, operations, o.ID, f)
	}
	return o, fault.Wrap("vault.CreateOperation", err)
}

// SaveOperation stores o anew; Conflict when it has changed since it was read.
func (v *Vault) SaveOperation(ctx context.Context, o Operation) (Operation, error) {
	f, err := v.operationFields(o)
	if err == nil {
		o.version, err = v.docs.Replace(ctx, operations, o.ID, f, o.version)
	}
	return o, fault.Wrap("vault.SaveOperation", err)
}

// DeleteOperation removes o; Conflict when it has changed since it was read.
func (v *Vault) DeleteOperation(ctx context.Context, o Operation) error {
	return fault.Wrap("vault.DeleteOperation", v.docs.Delete(ctx, operations, o.ID, o.version))
}

// Operations are those that were run as a person, up to limit. What does not
// open is left out.
func (v *Vault) Operations(ctx context.Context, person resource.Person, limit int) ([]Operation, error) {
	docs, err := v.matching(ctx, operations, "person", string(person), limit)
	var out []Operation
	for _, doc := range docs {
		o, err := v.operationOf(doc)
		if err != nil && fault.KindOf(err) == fault.Unavailable {
			return nil, err
		}
		if err == nil && o.Person == person && v.now().Before(o.Expires) {
			out = append(out, o)
		}
	}
	return out, fault.Wrap("vault.Operations", err)
}

// EraseOperations removes all operations that were run as a person, page by
// page.
func (v *Vault) EraseOperations(ctx context.Context, person resource.Person) error {
	err := v.clear(ctx, operations, func() ([]Doc, error) { return v.matching(ctx, operations, "person", string(person), page) })
	return fault.Wrap("vault.EraseOperations", err)
}

func (v *Vault) operationFields(o Operation) (Fields, error) {
	o.Lease, o.Expires = o.Lease.UTC().Truncate(time.Microsecond), o.Expires.UTC().Truncate(time.Microsecond)
	return v.sealed(operations, o.ID, sealedOperation{o, o.Result.Reveal(), o.Journal.Reveal()}, Fields{"person": string(o.Person), expiresField: o.Expires})
}

package vault

import (
	"context"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

const operations = "operations"

// OperationTTL is how long a retry can get an operation's result.
const OperationTTL = 7 * 24 * time.Hour

// Operation is one run of an action under its idempotency key (collection operations, id: a hash of caller and key).
type Operation struct {
	ID          string          `json:"-"`
	Person      resource.Person `json:"person"`  // users/{sub} that it acts as; empty for a person who never connected
	Caller      string          `json:"caller"`  // that requested it
	RequestHash string          `json:"request"` // hash of the request, which a retry must match
	Lease       time.Time       `json:"lease"`   // when the owning instance's claim ends; zero: not owned
	Result      config.Secret   `json:"-"`       // JSON; empty: not finished
	Journal     config.Secret   `json:"-"`       // JSON that earlier attempts saved for the next one
	Expires     time.Time       `json:"expires"`

	version Version
}

type sealedOperation struct {
	Operation
	Result  string `json:"result,omitempty"`
	Journal string `json:"journal,omitempty"`
}

// Operation returns the operation with this ID, or NotFound. A record that does not
// open is an Internal error: running the operation again could repeat its effect.
func (v *Vault) Operation(ctx context.Context, id string) (Operation, error) {
	doc, err := v.docs.Get(ctx, operations, id)
	if err != nil {
		return Operation{}, fault.Wrap("vault.Operation", err)
	}
	return v.decodeOperation(doc)
}

func (v *Vault) decodeOperation(doc Doc) (Operation, error) {
	var content sealedOperation
	if err := v.open(operations, doc, &content); err != nil {
		return Operation{}, err
	}
	o := content.Operation
	o.Result, o.Journal = config.NewSecret(content.Result), config.NewSecret(content.Journal)
	o.ID, o.version = doc.ID, doc.Version
	return o, nil
}

// CreateOperation stores a new operation. It returns Conflict if the ID exists.
func (v *Vault) CreateOperation(ctx context.Context, o Operation) (Operation, error) {
	o.Expires, o.version = v.now().Add(OperationTTL), ""
	o, err := v.SaveOperation(ctx, o)
	return o, fault.Wrap("vault.CreateOperation", err)
}

// SaveOperation stores o over the version it was read from. It returns Conflict if o has changed since it was read.
func (v *Vault) SaveOperation(ctx context.Context, o Operation) (_ Operation, err error) {
	o.Lease, o.Expires = o.Lease.UTC().Truncate(time.Microsecond), o.Expires.UTC().Truncate(time.Microsecond)
	write, err := v.operationWrite(o)
	if err == nil {
		o.version, err = v.make(ctx, write)
	}
	return o, fault.Wrap("vault.SaveOperation", err)
}

func (v *Vault) operationWrite(o Operation) (Write, error) {
	content := sealedOperation{o, o.Result.Reveal(), o.Journal.Reveal()}
	inClear := Fields{"person": string(o.Person), expiresField: o.Expires}
	return v.write(Ref{operations, o.ID}, o.version, content, inClear)
}

// DeleteOperation removes o. It returns Conflict if o has changed since it was read.
func (v *Vault) DeleteOperation(ctx context.Context, o Operation) error {
	return fault.Wrap("vault.DeleteOperation", v.docs.Delete(ctx, operations, o.ID, o.version))
}

// Operations returns up to limit operations that ran as a person. It skips records that do not open.
func (v *Vault) Operations(ctx context.Context, person resource.Person, limit int) ([]Operation, error) {
	docs, err := v.findIndexed(ctx, operations, "person", string(person), limit)
	var out []Operation
	for _, doc := range docs {
		o, err := v.decodeOperation(doc)
		if err != nil && fault.KindOf(err) == fault.Unavailable {
			return nil, err
		}
		if err == nil && o.Person == person && v.now().Before(o.Expires) {
			out = append(out, o)
		}
	}
	return out, fault.Wrap("vault.Operations", err)
}

// EraseOperations removes all operations that ran as a person.
func (v *Vault) EraseOperations(ctx context.Context, person resource.Person) error {
	err := v.removeAll(ctx, operations, func() ([]Doc, error) {
		return v.findIndexed(ctx, operations, "person", string(person), pageSize)
	})
	return fault.Wrap("vault.EraseOperations", err)
}

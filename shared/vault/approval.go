package vault

import (
	"context"
	"time"

	"example.com/deputy/shared/fault"
)

// approvalsOf is the collection of one person's approvals.
func approvalsOf(person string) string { return "approvals/" + sub(person) + "/callers" }

// Approval is a person's own yes to one caller acting as them (collection
// approvals/{sub}/callers, id: the caller's).
type Approval struct {
	Caller     string // id of the caller's record
	Operations []string
	Authority  string
	Approved   time.Time
}

// CreateApproval stores a person's approval; Conflict when there is one.
func (v *Vault) CreateApproval(ctx context.Context, person string, a Approval) error {
	_, err := v.docs.Create(ctx, approvalsOf(person), a.Caller, Fields{"operations": a.Operations, "authority": a.Authority, "approved": a.Approved})
	return fault.Wrap("vault.CreateApproval", err)
}

// WithdrawApprovals removes all approvals of a person and says how many there
// were.
func (v *Vault) WithdrawApprovals(ctx context.Context, person string) (int, error) {
	const page = 100
	withdrawn := 0
	for {
		docs, err := v.docs.List(ctx, approvalsOf(person), "", page)
		if err != nil || len(docs) == 0 {
			return withdrawn, fault.Wrap("vault.WithdrawApprovals", err)
		}
		before := withdrawn
		for _, doc := range docs {
			err = v.docs.Delete(ctx, approvalsOf(person), doc.ID, doc.Version)
			if err != nil && fault.KindOf(err) != fault.Conflict { // changed or gone: the next list shows it
				return withdrawn, fault.Wrap("vault.WithdrawApprovals", err)
			}
			if err == nil {
				withdrawn++
			}
		}
		if withdrawn == before {
			return withdrawn, fault.Wrap("vault.WithdrawApprovals", err) // nothing moves
		}
	}
}

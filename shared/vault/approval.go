package vault

import (
	"context"
	"slices"
	"strings"
	"time"

	"example.com/deputy/shared/fault"
)

// approvalsOf is the collection of one person's approvals.
func approvalsOf(person string) string { return "approvals/" + sub(person) + "/callers" }

// Approval is a person's own yes to one caller acting as them by one authority
// (collection approvals/{sub}/callers, id: the caller's, for the person's own
// grant; for their right as an administrator with -admin behind it).
type Approval struct {
	Caller     string    `json:"caller"` // id of the caller's record
	Operations []string  `json:"operations"`
	Authority  string    `json:"authority"`
	Domain     string    `json:"domain"` // of the person, when they approved
	Approved   time.Time `json:"approved"`
}

// CreateApproval stores a person's approval; Conflict when there is one.
func (v *Vault) CreateApproval(ctx context.Context, person string, a Approval) error {
	_, err := v.docs.Create(ctx, approvalsOf(person), a.ID(), a.fields())
	return fault.Wrap("vault.CreateApproval", err)
}

// ID names an approval among those of its person.
func (a Approval) ID() string {
	if a.Authority == "admin" {
		return a.Caller + administrators
	}
	return a.Caller
}

const administrators = "-admin"

// Approval reads what a person gave to one caller for one authority; NotFound
// when nothing.
func (v *Vault) Approval(ctx context.Context, person, caller, authority string) (Approval, error) {
	doc, err := v.docs.Get(ctx, approvalsOf(person), Approval{Caller: caller, Authority: authority}.ID())
	if err != nil {
		return Approval{}, fault.Wrap("vault.Approval", err)
	}
	return approval(doc), nil
}

func approval(doc Doc) Approval {
	return Approval{strings.TrimSuffix(doc.ID, administrators), texts(doc.Fields, "operations"), text(doc.Fields, "authority"), text(doc.Fields, "domain"), moment(doc.Fields, "approved")}
}

// Approve stores a person's approval of a caller, beside what was approved
// before. Of two at once one may be a Conflict.
func (v *Vault) Approve(ctx context.Context, person string, a Approval) error {
	doc, err := v.docs.Get(ctx, approvalsOf(person), a.ID())
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return v.CreateApproval(ctx, person, a)
	case err != nil:
		return fault.Wrap("vault.Approve", err)
	}
	for _, o := range texts(doc.Fields, "operations") {
		if !slices.Contains(a.Operations, o) {
			a.Operations = append(slices.Clone(a.Operations), o)
		}
	}
	_, err = v.docs.Replace(ctx, approvalsOf(person), a.ID(), a.fields(), doc.Version)
	return fault.Wrap("vault.Approve", err)
}

func (a Approval) fields() Fields {
	return Fields{"operations": a.Operations, "authority": a.Authority, "domain": a.Domain, "approved": a.Approved}
}

// Approvals are those that a person gave, up to limit.
func (v *Vault) Approvals(ctx context.Context, person string, limit int) ([]Approval, error) {
	var out []Approval
	err := v.pages(ctx, approvalsOf(person), limit, func(doc Doc) {
		out = append(out, approval(doc))
	})
	return out, fault.Wrap("vault.Approvals", err)
}

// WithdrawApproval removes one, by its ID; there is no error when there is none.
func (v *Vault) WithdrawApproval(ctx context.Context, person, id string) error {
	doc, err := v.docs.Get(ctx, approvalsOf(person), id)
	if err == nil {
		err = v.docs.Delete(ctx, approvalsOf(person), id, doc.Version)
	}
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	return fault.Wrap("vault.WithdrawApproval", err)
}

// WithdrawApprovals removes all approvals of a person and says how many there
// were.
func (v *Vault) WithdrawApprovals(ctx context.Context, person string) (int, error) {
	withdrawn, err := v.clear(ctx, approvalsOf(person))
	return withdrawn, fault.Wrap("vault.WithdrawApprovals", err)
}

const page = 100

// clear removes all of a collection and says how many there were.
func (v *Vault) clear(ctx context.Context, collection string) (int, error) {
	cleared := 0
	for {
		docs, err := v.docs.List(ctx, collection, "", page)
		if err != nil || len(docs) == 0 {
			return cleared, err
		}
		before := cleared
		for _, doc := range docs {
			err = v.docs.Delete(ctx, collection, doc.ID, doc.Version)
			if err != nil && fault.KindOf(err) != fault.Conflict { // changed or gone: the next list shows it
				return cleared, err
			}
			if err == nil {
				cleared++
			}
		}
		if cleared == before {
			return cleared, err // nothing moves
		}
	}
}

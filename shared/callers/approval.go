package callers

import (
	"context"
	"slices"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// Approval is what a person has approved to a caller for an authority; the zero
// Approval for nothing. It is asked before anything is looked up of the
// person's grant.
func (c *Callers) Approval(ctx context.Context, caller vault.Caller, person, authority string) (vault.Approval, error) {
	a, err := c.vault.Approval(ctx, person, caller.ID, authority)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return vault.Approval{}, nil //nolint:nilerr // nothing was approved
	}
	return a, fault.Wrap("callers.Approval", err)
}

// Approved tells whether an approval has an operation by an authority.
func Approved(a vault.Approval, operation, authority string) bool {
	return slices.Contains(a.Operations, operation) && a.Authority == authority
}

// Words says what an operation is, to a person.
func Words(operation string) words.Text {
	return map[string]words.Text{
		CreateSpaces: words.CreateSpaces, ReadSpaces: words.ReadSpaces, UpdateSpaces: words.EditSpaces, DeleteSpaces: words.DeleteSpaces,
		ReadMembers: words.ReadMembers, WriteMembers: words.ManageMembers, CreateMessages: words.PostMessages, CreateMeetings: words.Meet,
	}[operation]
}

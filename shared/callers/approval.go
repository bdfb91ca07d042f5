package callers

import (
	"context"
	"slices"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// Approved tells whether a person has approved that a caller does an operation
// as them by an authority. It is asked before anything is looked up of the person's grant.
func (c *Callers) Approved(ctx context.Context, caller vault.Caller, person, operation, authority string) (bool, error) {
	a, err := c.vault.Approval(ctx, person, caller.ID, authority)
	if fault.KindOf(err) == fault.NotFound && err != nil {
		return false, nil //nolint:nilerr // nothing was approved
	}
	return err == nil && slices.Contains(a.Operations, operation) && a.Authority == authority, fault.Wrap("callers.Approved", err)
}

// Words says what an operation is, to a person.
func Words(operation string) words.Text {
	return map[string]words.Text{
		CreateSpaces: words.CreateSpaces, ReadSpaces: words.ReadSpaces, UpdateSpaces: words.EditSpaces, DeleteSpaces: words.DeleteSpaces,
		ReadMembers: words.ReadMembers, WriteMembers: words.ManageMembers, CreateMessages: words.PostMessages, CreateMeetings: words.Meet,
	}[operation]
}

package operations

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/text"
	"example.com/deputy/shared/vault"
)

// ListTemplates lists a page of the operator's templates and the caller's own, by name. An operator's template hides a
// caller's with the same name. more is the token of the next page, or empty.
func (o *Operations) ListTemplates(
	ctx context.Context, caller callers.Caller, page PageRequest,
) (found []vault.Template, more string, err error) {
	if err := caller.AllowAction(callers.ReadTemplates); err != nil {
		return nil, "", err
	}
	file, err := o.deps.Callers.Read(ctx)
	if err != nil {
		return nil, "", err
	}
	own, err := o.deps.Vault.Templates(ctx, vault.Owner(caller.ID))
	own = slices.DeleteFunc(own, func(t vault.Template) bool { _, hidden := file.Template(t.Name); return hidden })
	all := append(slices.Clone(file.Templates), own...)
	slices.SortFunc(all, func(a, b vault.Template) int { return strings.Compare(a.Name, b.Name) })
	all = slices.DeleteFunc(all, func(t vault.Template) bool { return t.Name <= page.Token }) // the last name so far
	if size := int(page.Size); len(all) > size {
		all, more = all[:size], all[size-1].Name
	}
	return all, more, err
}

// GetTemplate reads a template by its name.
func (o *Operations) GetTemplate(ctx context.Context, caller callers.Caller, name string) (vault.Template, error) {
	if err := caller.AllowAction(callers.ReadTemplates); err != nil {
		return vault.Template{}, err
	}
	_, t, err := o.findTemplate(ctx, caller, name)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		err = fault.New(fault.NotFound, i18n.English("There is no template with this name."))
	}
	return t, err
}

// findTemplate returns a template and its owner, which is empty for the
// operator. The operator's templates take precedence.
func (o *Operations) findTemplate(
	ctx context.Context, caller callers.Caller, name string,
) (owner string, t vault.Template, err error) {
	file, err := o.deps.Callers.Read(ctx)
	if err != nil {
		return "", t, err
	}
	if t, ok := file.Template(name); ok {
		return "", t, nil
	}
	t, err = o.deps.Vault.Template(ctx, vault.Owner(caller.ID), name)
	return caller.ID, t, err
}

// PutTemplate stores a template of the caller's own, if the stored one matches ifMatch (nil:
// any). Only this caller can use it: another caller that did would post this one's text.
func (o *Operations) PutTemplate(
	ctx context.Context, caller callers.Caller, t vault.Template, ifMatch *string,
) (vault.Template, error) {
	if err := caller.AllowAction(callers.WriteTemplates); err != nil {
		return t, err
	}
	t, err := NormalizeTemplate(t)
	if err != nil {
		return t, err
	}
	if err := o.checkNotOperators(ctx, t.Name); err != nil {
		return t, err
	}
	err = o.deps.Vault.PutTemplate(ctx, vault.Owner(caller.ID), t, matcher(ifMatch))
	if errors.Is(err, vault.ErrTooManyTemplates) {
		err = fault.New(fault.Conflict,
			i18n.English("This caller already has 99 templates, the maximum. Delete one, then try again."))
	}
	o.auditTemplates(ctx, caller, err)
	return t, err
}

// NormalizeTemplate returns a template in normal form, or an Invalid fault. A template follows the rules for a space.
func NormalizeTemplate(t vault.Template) (vault.Template, error) {
	in := spaces.Request{
		DisplayName: cmp.Or(t.DisplayName, t.Name), Description: t.Description, Guidelines: t.Guidelines,
		Rest: spaces.FollowUp{History: spaces.History(t.History), FirstMessage: t.FirstMessage},
	}
	for _, m := range t.Members {
		in.Members = append(in.Members, spaces.Member{User: m})
	}
	r, err := in.Normalize("")
	if err == nil && utf8.RuneCountInString(r.Rest.FirstMessage) > maxText {
		err = invalid(i18n.English("firstMessage has more than %d characters."), maxText)
	}
	if err != nil {
		return t, err
	}
	t.DisplayName = text.Line(t.DisplayName)
	t.Description, t.Guidelines = r.Description, r.Guidelines
	t.FirstMessage, t.Members = r.Rest.FirstMessage, users(r.Members)
	return t, nil
}

// DeleteTemplate removes a template of the caller's own, if it matches ifMatch
// (nil: any). It succeeds if there is none and ifMatch is nil.
func (o *Operations) DeleteTemplate(ctx context.Context, caller callers.Caller, name string, ifMatch *string) error {
	if err := caller.AllowAction(callers.WriteTemplates); err != nil {
		return err
	}
	if err := o.checkNotOperators(ctx, name); err != nil {
		return err
	}
	err := o.deps.Vault.DeleteTemplate(ctx, vault.Owner(caller.ID), name, matcher(ifMatch))
	o.auditTemplates(ctx, caller, err)
	return err
}

func (o *Operations) auditTemplates(ctx context.Context, caller callers.Caller, err error) {
	op := operation{actions: []string{callers.WriteTemplates}}
	o.audit(ctx, auditLine{Call: Call{Caller: caller}, operation: op}, "templates", false, err)
}

// checkNotOperators returns a Denied fault for the name of an operator's template.
func (o *Operations) checkNotOperators(ctx context.Context, name string) error {
	file, err := o.deps.Callers.Read(ctx)
	if err != nil {
		return err
	}
	if _, found := file.Template(name); found {
		return fault.New(fault.Denied,
			i18n.English("This template belongs to the operator. Use another name for your own."))
	}
	return nil
}

// matcher returns a function that checks a stored template against If-Match.
func matcher(ifMatch *string) func(*vault.Template) error {
	return func(stored *vault.Template) error {
		if stored == nil {
			return checkMatch(ifMatch, nil)
		}
		return checkMatch(ifMatch, *stored)
	}
}

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
	"example.com/deputy/shared/vault"
)

// ListTemplates lists the operator's, and the caller's own, by name.
func (o *Operations) ListTemplates(ctx context.Context, caller callers.Caller) ([]vault.Template, error) {
	if err := caller.AllowAction(callers.ReadTemplates); err != nil {
		return nil, err
	}
	set, err := o.deps.Callers.Read(ctx)
	if err != nil {
		return nil, err
	}
	own, err := o.deps.Vault.Templates(ctx, vault.Owner(caller.ID))
	all := append(slices.Clone(set.Templates), slices.DeleteFunc(own, func(t vault.Template) bool { _, hidden := set.Template(t.Name); return hidden })...)
	slices.SortFunc(all, func(a, b vault.Template) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}

// GetTemplate reads one.
func (o *Operations) GetTemplate(ctx context.Context, caller callers.Caller, name string) (vault.Template, error) {
	if err := caller.AllowAction(callers.ReadTemplates); err != nil {
		return vault.Template{}, err
	}
	_, t, err := o.templateNamed(ctx, caller, name)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		err = fault.New(fault.NotFound, i18n.English("There is no template of this name."))
	}
	return t, err
}

// templateNamed is a template with its owner: empty for the operator, whose come
// first.
func (o *Operations) templateNamed(ctx context.Context, caller callers.Caller, name string) (owner string, t vault.Template, err error) {
	all, err := o.deps.Callers.Read(ctx)
	if err != nil {
		return "", t, err
	}
	if t, ok := all.Template(name); ok {
		return "", t, nil
	}
	t, err = o.deps.Vault.Template(ctx, vault.Owner(caller.ID), name)
	return caller.ID, t, err
}

// PutTemplate stores one of the caller's own in place of what there was, if that
// is what ifMatch names (nil: whatever it is). It works for this caller alone:
// another one would speak with its words.
func (o *Operations) PutTemplate(ctx context.Context, caller callers.Caller, t vault.Template, ifMatch *string) (vault.Template, error) {
	if err := caller.AllowAction(callers.WriteTemplates); err != nil {
		return t, err
	}
	t, err := CheckedTemplate(t)
	if err != nil {
		return t, err
	}
	if err := o.own(ctx, t.Name); err != nil {
		return t, err
	}
	err = o.deps.Vault.PutTemplate(ctx, vault.Owner(caller.ID), t, still(ifMatch))
	if errors.Is(err, vault.ErrTooMany) {
		err = fault.New(fault.Conflict, i18n.English("This caller keeps 99 templates, which is the most. Delete one first."))
	}
	o.ofTemplate(ctx, caller, err)
	return t, err
}

// CheckedTemplate is a template in its plain form, or an Invalid fault: the rules
// for a space hold for what it is made from.
func CheckedTemplate(t vault.Template) (vault.Template, error) {
	in := spaces.Request{DisplayName: cmp.Or(t.DisplayName, t.Name), Description: t.Description, Guidelines: t.Guidelines, Rest: spaces.Rest{History: spaces.History(t.History), First: t.First}}
	for _, m := range t.Members {
		in.Members = append(in.Members, spaces.Member{User: m})
	}
	r, err := in.Checked("")
	if err == nil && utf8.RuneCountInString(r.Rest.First) > maxText {
		err = invalid(i18n.English("firstMessage has more than %d characters."), maxText)
	}
	if err != nil {
		return t, err
	}
	t.DisplayName = strings.Join(strings.Fields(t.DisplayName), " ")
	t.Description, t.Guidelines, t.First, t.Members = r.Description, r.Guidelines, r.Rest.First, users(r.Members)
	return t, nil
}

// DeleteTemplate removes one of the caller's own, if it is what ifMatch names;
// there is none of that name afterwards.
func (o *Operations) DeleteTemplate(ctx context.Context, caller callers.Caller, name string, ifMatch *string) error {
	if err := caller.AllowAction(callers.WriteTemplates); err != nil {
		return err
	}
	if err := o.own(ctx, name); err != nil {
		return err
	}
	err := o.deps.Vault.DeleteTemplate(ctx, vault.Owner(caller.ID), name, still(ifMatch))
	o.ofTemplate(ctx, caller, err)
	return err
}

func (o *Operations) ofTemplate(ctx context.Context, caller callers.Caller, err error) {
	o.audit(ctx, line{Call: Call{Caller: caller}, operation: operation{actions: only(callers.WriteTemplates)}}, "templates", false, err)
}

// own refuses the name of a template of the operator's.
func (o *Operations) own(ctx context.Context, name string) error {
	all, err := o.deps.Callers.Read(ctx)
	if err != nil {
		return err
	}
	if _, operators := all.Template(name); operators {
		return fault.New(fault.Denied, i18n.English("This template is the operator's. Use another name for your own."))
	}
	return nil
}

// still lets a template be replaced that is what If-Match names.
func still(ifMatch *string) func(*vault.Template) error {
	return func(there *vault.Template) error {
		if there == nil {
			return match(ifMatch, nil)
		}
		return match(ifMatch, *there)
	}
}

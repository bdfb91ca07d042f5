package createspace

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// ListTemplates lists the operator's, and the caller's own.
func (f function) ListTemplates(ctx context.Context, _ api.ListTemplatesRequestObject) (api.ListTemplatesResponseObject, error) {
	if err := of(ctx).caller.AllowAction(callers.ReadTemplates); err != nil {
		return nil, err
	}
	set, err := f.Callers.File.Read(ctx)
	if err != nil {
		return nil, err
	}
	own, err := f.Auth.Vault.Templates(ctx, of(ctx).caller.ID)
	all := append(slices.Clone(set.Templates), slices.DeleteFunc(own, func(t vault.Template) bool { _, hidden := set.Template(t.Name); return hidden })...)
	slices.SortFunc(all, func(a, b vault.Template) int { return strings.Compare(a.Name, b.Name) })
	out := api.ListTemplates200JSONResponse{Templates: []api.Template{}}
	for _, t := range all {
		out.Templates = append(out.Templates, templateOf(t))
	}
	return out, err
}

// GetTemplate reads one.
func (f function) GetTemplate(ctx context.Context, in api.GetTemplateRequestObject) (api.GetTemplateResponseObject, error) {
	if err := of(ctx).caller.AllowAction(callers.ReadTemplates); err != nil {
		return nil, err
	}
	_, t, err := f.templateNamed(ctx, in.Template)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		err = fault.New(fault.NotFound, words.English("There is no template of this name."))
	}
	out := templateOf(t)
	return api.GetTemplate200JSONResponse{Body: out, Headers: api.GetTemplate200ResponseHeaders{ETag: etag(out)}}, err
}

// PutTemplate stores one of the caller's own in place of what there was. It works
// for this caller alone: another one would speak with its words.
func (f function) PutTemplate(ctx context.Context, in api.PutTemplateRequestObject) (api.PutTemplateResponseObject, error) {
	caller := of(ctx).caller
	if err := caller.AllowAction(callers.WriteTemplates); err != nil {
		return nil, err
	}
	t, err := templateFrom(in.Template, *in.Body)
	if err != nil {
		return nil, err
	}
	if err := f.own(ctx, in.Template); err != nil {
		return nil, err
	}
	err = f.Auth.Vault.PutTemplate(ctx, caller.ID, t, unchanged(in.Params.IfMatch))
	if errors.Is(err, vault.ErrTooMany) {
		err = fault.New(fault.Conflict, words.English("This caller keeps 99 templates, which is the most. Delete one first."))
	}
	f.audit(ctx, act{actions: only(callers.WriteTemplates)}, "", "templates", false, err)
	out := templateOf(t)
	return api.PutTemplate200JSONResponse{Body: out, Headers: api.PutTemplate200ResponseHeaders{ETag: etag(out)}}, err
}

// ReadTemplate is the template that a body of PUT /v1/templates/{name} makes.
func ReadTemplate(name string, body []byte) (vault.Template, error) {
	if !inPath["{template}"].MatchString(name) {
		return vault.Template{}, invalid(words.English("%q cannot be the name of a template: it has 1 to 100 characters, no slash, and no dot or underscore in front."), name)
	}
	var b api.PutTemplate
	if err := checkBody(body, reflect.ValueOf(&b)); err != nil {
		return vault.Template{}, err
	}
	return templateFrom(name, b)
}

// WriteTemplate is a template as GET /v1/templates/{name} answers it.
func WriteTemplate(t vault.Template) api.Template { return templateOf(t) }

func templateFrom(name string, b api.PutTemplate) (vault.Template, error) {
	members, err := membersOf(value(b.Members))
	if err != nil {
		return vault.Template{}, err
	}
	// The rules for a space hold for what it is made from.
	r, err := spaces.Request{DisplayName: cmp.Or(value(b.DisplayName), name), Description: value(b.Description), Guidelines: value(b.Guidelines), Members: members, Rest: spaces.Rest{First: value(b.FirstMessage)}}.Checked("")
	if err == nil && utf8.RuneCountInString(r.Rest.First) > maxText {
		err = invalid(words.English("firstMessage has more than %d characters."), maxText)
	}
	if err != nil {
		return vault.Template{}, err
	}
	t := vault.Template{
		Name: name, DisplayName: strings.Join(strings.Fields(value(b.DisplayName)), " "), Description: r.Description, Guidelines: r.Guidelines, Discoverable: value(b.Access) == api.DISCOVERABLE,
		Announcements: value(b.Kind) == api.ANNOUNCEMENTS, External: value(b.ExternalUserAllowed), History: string(value(b.History)), First: r.Rest.First, AddTheApp: value(b.AddTheApp),
	}
	for _, m := range r.Members {
		t.Members = append(t.Members, m.User)
	}
	return t, nil
}

// DeleteTemplate removes one; there is none of that name afterwards.
func (f function) DeleteTemplate(ctx context.Context, in api.DeleteTemplateRequestObject) (api.DeleteTemplateResponseObject, error) {
	if err := of(ctx).caller.AllowAction(callers.WriteTemplates); err != nil {
		return nil, err
	}
	if err := f.own(ctx, in.Template); err != nil {
		return nil, err
	}
	err := f.Auth.Vault.DeleteTemplate(ctx, of(ctx).caller.ID, in.Template, unchanged(in.Params.IfMatch))
	f.audit(ctx, act{actions: only(callers.WriteTemplates)}, "", "templates", false, err)
	return api.DeleteTemplate204Response{}, err
}

// own refuses the name of a template of the operator's.
func (f function) own(ctx context.Context, name string) error {
	all, err := f.Callers.File.Read(ctx)
	if err != nil {
		return err
	}
	if _, operators := all.Template(name); operators {
		return fault.New(fault.Denied, words.English("This template is the operator's. Use another name for your own."))
	}
	return nil
}

// unchanged lets a template be replaced that is still what If-Match names.
func unchanged(ifMatch *api.IfMatch) func(*vault.Template) error {
	return func(there *vault.Template) error {
		if there == nil {
			return match(ifMatch, nil)
		}
		return match(ifMatch, templateOf(*there))
	}
}

func templateOf(t vault.Template) api.Template {
	access, kind := accessOf(t.Discoverable), kindOf(t.Announcements)
	out := api.Template{
		Name: t.Name, DisplayName: some(t.DisplayName), Description: some(t.Description), Guidelines: some(t.Guidelines), Access: &access, Kind: &kind, ExternalUserAllowed: &t.External,
		History: some(api.History(t.History)), FirstMessage: some(t.First), AddTheApp: &t.AddTheApp,
	}
	if len(t.Members) > 0 {
		out.Members = new(bare(t.Members)) // as they were sent
	}
	return out
}

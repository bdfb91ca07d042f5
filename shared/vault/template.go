package vault

import (
	"context"

	"example.com/deputy/shared/fault"
)

const templates = "templates"

// maxTemplates is how many a form offers: Chat shows 100 choices.
const maxTemplates = 99

// Template is how an operator wants a kind of space to be made (collection
// templates, id: its name).
type Template struct {
	Name          string
	Description   string
	Guidelines    string
	Members       []string // users/{id or e-mail address}, groups/{id}
	Discoverable  bool
	Announcements bool
	External      bool
	History       string // HISTORY_ON, HISTORY_OFF or empty
	First         string // message
	AddTheApp     bool
}

// Templates are all there are, by name; the first 99 of more.
func (v *Vault) Templates(ctx context.Context) ([]Template, error) {
	docs, err := v.docs.List(ctx, templates, "", maxTemplates)
	if err != nil {
		return nil, fault.Wrap("vault.Templates", err)
	}
	var out []Template
	for _, doc := range docs {
		out = append(out, template(doc))
	}
	return out, nil
}

// Template reads one; NotFound when there is none.
func (v *Vault) Template(ctx context.Context, name string) (Template, error) {
	doc, err := v.docs.Get(ctx, templates, name)
	if err != nil {
		return Template{}, fault.Wrap("vault.Template", err)
	}
	return template(doc), nil
}

func template(doc Doc) Template {
	f := doc.Fields
	return Template{
		Name: doc.ID, Description: text(f, "description"), Guidelines: text(f, "guidelines"), Members: texts(f, "members"),
		Discoverable: flag(f, "discoverable"), Announcements: flag(f, "announcements"), External: flag(f, "external"),
		History: text(f, "history"), First: text(f, "first"), AddTheApp: flag(f, "addTheApp"),
	}
}

// PutTemplate stores one in place of what there was. Of two at once the later
// stands, or one is a Conflict.
func (v *Vault) PutTemplate(ctx context.Context, t Template) error {
	doc, err := v.docs.Get(ctx, templates, t.Name)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return v.CreateTemplate(ctx, t)
	case err == nil:
		_, err = v.docs.Replace(ctx, templates, t.Name, t.fields(), doc.Version)
	}
	return fault.Wrap("vault.PutTemplate", err)
}

// DeleteTemplate removes one; there is no error when there is none.
func (v *Vault) DeleteTemplate(ctx context.Context, name string) error {
	doc, err := v.docs.Get(ctx, templates, name)
	if err == nil {
		err = v.docs.Delete(ctx, templates, name, doc.Version)
	}
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	return fault.Wrap("vault.DeleteTemplate", err)
}

// CreateTemplate stores a new one; Conflict when its name is taken.
func (v *Vault) CreateTemplate(ctx context.Context, t Template) error {
	_, err := v.docs.Create(ctx, templates, t.Name, t.fields())
	return fault.Wrap("vault.CreateTemplate", err)
}

func (t Template) fields() Fields {
	return Fields{
		"description": t.Description, "guidelines": t.Guidelines, "members": t.Members, "discoverable": t.Discoverable,
		"announcements": t.Announcements, "external": t.External, "history": t.History, "first": t.First, "addTheApp": t.AddTheApp,
	}
}

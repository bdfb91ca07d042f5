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
	DisplayName   string // of the spaces, such as "INC-{{seq}} {{title}}"; may be empty
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
		Name: doc.ID, DisplayName: text(f, "displayName"), Description: text(f, "description"), Guidelines: text(f, "guidelines"), Members: texts(f, "members"),
		Discoverable: flag(f, "discoverable"), Announcements: flag(f, "announcements"), External: flag(f, "external"),
		History: text(f, "history"), First: text(f, "first"), AddTheApp: flag(f, "addTheApp"),
	}
}

// PutTemplate stores one in place of what there was, if may agrees with that
// (nil: there was none). Of two at once the later stands, or one is a Conflict.
func (v *Vault) PutTemplate(ctx context.Context, t Template, may func(there *Template) error) error {
	doc, there, err := v.existing(ctx, t.Name)
	if err == nil {
		err = may(there)
	}
	switch {
	case err != nil:
	case there == nil:
		err = v.CreateTemplate(ctx, t)
	default:
		_, err = v.docs.Replace(ctx, templates, t.Name, t.fields(), doc.Version)
	}
	return fault.Wrap("vault.PutTemplate", err)
}

// existing is a template with its document, nil when there is none.
func (v *Vault) existing(ctx context.Context, name string) (Doc, *Template, error) {
	doc, err := v.docs.Get(ctx, templates, name)
	if err != nil {
		if fault.KindOf(err) == fault.NotFound {
			err = nil
		}
		return Doc{}, nil, err
	}
	t := template(doc)
	return doc, &t, nil
}

// DeleteTemplate removes one, if may agrees; there is no error when there is
// none.
func (v *Vault) DeleteTemplate(ctx context.Context, name string, may func(there *Template) error) error {
	doc, there, err := v.existing(ctx, name)
	if err == nil {
		err = may(there)
	}
	if err == nil && there != nil {
		err = v.docs.Delete(ctx, templates, name, doc.Version)
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
		"displayName": t.DisplayName, "description": t.Description, "guidelines": t.Guidelines, "members": t.Members, "discoverable": t.Discoverable,
		"announcements": t.Announcements, "external": t.External, "history": t.History, "first": t.First, "addTheApp": t.AddTheApp,
	}
}

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
		f := doc.Fields
		out = append(out, Template{
			Name: doc.ID, Description: text(f, "description"), Guidelines: text(f, "guidelines"), Members: texts(f, "members"),
			Discoverable: flag(f, "discoverable"), Announcements: flag(f, "announcements"), External: flag(f, "external"),
			History: text(f, "history"), First: text(f, "first"), AddTheApp: flag(f, "addTheApp"),
		})
	}
	return out, nil
}

// CreateTemplate stores a new one; Conflict when its name is taken.
func (v *Vault) CreateTemplate(ctx context.Context, t Template) error {
	_, err := v.docs.Create(ctx, templates, t.Name, Fields{
		"description": t.Description, "guidelines": t.Guidelines, "members": t.Members, "discoverable": t.Discoverable,
		"announcements": t.Announcements, "external": t.External, "history": t.History, "first": t.First, "addTheApp": t.AddTheApp,
	})
	return fault.Wrap("vault.CreateTemplate", err)
}

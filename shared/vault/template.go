package vault

import (
	"context"
	"errors"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
)

const templates = "templates"

// maxTemplates is how many a caller may keep.
const maxTemplates = 99

// Template is how a kind of space is to be made. The operator's stand in the
// file of callers; a caller's own are records (collection templates, id: a hash
// of owner and name), which work for that caller alone.
type Template struct {
	Name          string   `json:"name" yaml:"name"`
	DisplayName   string   `json:"displayName,omitempty" yaml:"displayName,omitempty"` // of the spaces, such as "INC-{{seq}} {{title}}"
	Description   string   `json:"description,omitempty" yaml:"description,omitempty"`
	Guidelines    string   `json:"guidelines,omitempty" yaml:"guidelines,omitempty"`
	Members       []string `json:"members,omitempty" yaml:"members,omitempty"` // users/{id or e-mail address}, groups/{id}
	Discoverable  bool     `json:"discoverable,omitempty" yaml:"discoverable,omitempty"`
	Announcements bool     `json:"announcements,omitempty" yaml:"announcements,omitempty"`
	External      bool     `json:"external,omitempty" yaml:"external,omitempty"`
	History       string   `json:"history,omitempty" yaml:"history,omitempty"` // HISTORY_ON, HISTORY_OFF or empty
	First         string   `json:"firstMessage,omitempty" yaml:"firstMessage,omitempty"`
	AddTheApp     bool     `json:"addTheApp,omitempty" yaml:"addTheApp,omitempty"`
}

// Owner is whose a template is: the id of a caller, or empty for the operator.
type Owner string

// TemplateID names a template: the operator's have no owner.
func TemplateID(owner Owner, name string) string { return digest(string(owner) + "\x00" + name) }

// ErrTooMany says that a caller keeps as many templates as it may.
var ErrTooMany = errors.New("99 templates are the most")

// Templates are all of a caller's own, up to 99, in no order.
func (v *Vault) Templates(ctx context.Context, owner Owner) ([]Template, error) {
	docs, err := v.matching(ctx, templates, "owner", string(owner), maxTemplates)
	if err != nil {
		return nil, fault.Wrap("vault.Templates", err)
	}
	var out []Template
	for _, doc := range docs {
		t, err := v.templateOf(owner, doc)
		if err != nil && !errors.Is(err, seal.ErrNotAuthentic) {
			return nil, err
		}
		if err == nil {
			out = append(out, t)
		}
	}
	return out, nil
}

// Template reads one of a caller's own; NotFound when there is none.
func (v *Vault) Template(ctx context.Context, owner Owner, name string) (Template, error) {
	doc, err := v.docs.Get(ctx, templates, TemplateID(owner, name))
	if err != nil {
		return Template{}, fault.Wrap("vault.Template", err)
	}
	return v.templateOf(owner, doc)
}

// templateOf reads a record. The owner in the clear is not believed: the id is a
// hash of owner and name, and sealed with the content.
func (v *Vault) templateOf(owner Owner, doc Doc) (Template, error) {
	var t Template
	err := v.open(templates, doc, &t)
	if err == nil && TemplateID(owner, t.Name) != doc.ID {
		err = errUnopened
	}
	return t, fault.Wrap("vault.Template", err)
}

// PutTemplate stores a caller's template in place of what there was, if may
// agrees with that (nil: there was none). Of two at once the later stands, or
// one is a Conflict.
func (v *Vault) PutTemplate(ctx context.Context, owner Owner, t Template, may func(there *Template) error) error {
	doc, there, err := v.existing(ctx, owner, t.Name)
	if err == nil {
		err = may(there)
	}
	id := TemplateID(owner, t.Name)
	var f Fields
	if err == nil {
		f, err = v.sealed(templates, id, t, Fields{"owner": string(owner)})
	}
	if err == nil && there == nil {
		var all []Template
		if all, err = v.Templates(ctx, owner); err == nil && len(all) >= maxTemplates {
			err = &fault.Error{Kind: fault.Conflict, Err: ErrTooMany}
		}
		if err == nil {
			_, err = v.docs.Create(ctx, templates, id, f)
		}
	} else if err == nil {
		_, err = v.docs.Replace(ctx, templates, id, f, doc.Version)
	}
	return fault.Wrap("vault.PutTemplate", err)
}

// existing is a template with its document, nil when there is none.
func (v *Vault) existing(ctx context.Context, owner Owner, name string) (Doc, *Template, error) {
	doc, err := v.docs.Get(ctx, templates, TemplateID(owner, name))
	if err != nil {
		if fault.KindOf(err) == fault.NotFound {
			err = nil
		}
		return Doc{}, nil, err
	}
	t, err := v.templateOf(owner, doc)
	return doc, &t, err
}

// DeleteTemplate removes one of a caller's own, if may agrees; there is no error
// when there is none.
func (v *Vault) DeleteTemplate(ctx context.Context, owner Owner, name string, may func(there *Template) error) error {
	doc, there, err := v.existing(ctx, owner, name)
	if err == nil {
		err = may(there)
	}
	if err == nil && there != nil {
		err = v.docs.Delete(ctx, templates, doc.ID, doc.Version)
	}
	return fault.Wrap("vault.DeleteTemplate", err)
}

package vault

import (
	"context"
	"errors"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
)

const templates = "templates"

// maxTemplates is how many templates a caller may have.
const maxTemplates = 99

// Template describes how to create a space. The operator's templates are in the callers file. A caller's own are
// records that only this caller can use (collection templates, id: a hash of owner and name).
type Template struct {
	Name          string   `json:"name" yaml:"name"`
	DisplayName   string   `json:"displayName,omitempty" yaml:"displayName,omitempty"` // may contain {{seq}}
	Description   string   `json:"description,omitempty" yaml:"description,omitempty"`
	Guidelines    string   `json:"guidelines,omitempty" yaml:"guidelines,omitempty"`
	Members       []string `json:"members,omitempty" yaml:"members,omitempty"` // users/{id or address}, groups/{id}
	Discoverable  bool     `json:"discoverable,omitempty" yaml:"discoverable,omitempty"`
	Announcements bool     `json:"announcements,omitempty" yaml:"announcements,omitempty"`
	External      bool     `json:"external,omitempty" yaml:"external,omitempty"`
	History       string   `json:"history,omitempty" yaml:"history,omitempty"` // HISTORY_ON, HISTORY_OFF or empty
	FirstMessage  string   `json:"firstMessage,omitempty" yaml:"firstMessage,omitempty"`
	AddApp        bool     `json:"addTheApp,omitempty" yaml:"addTheApp,omitempty"`
}

// Owner is the ID of the caller that owns a template, or empty for the operator.
type Owner string

// TemplateID returns the document ID of a template.
func TemplateID(owner Owner, name string) string { return sha256Hex(string(owner) + "\x00" + name) }

// ErrTooManyTemplates reports that a caller already has maxTemplates templates.
var ErrTooManyTemplates = errors.New("limit of 99 templates reached")

// Templates returns all templates of a caller, at most 99, in no particular order.
func (v *Vault) Templates(ctx context.Context, owner Owner) ([]Template, error) {
	docs, err := v.findIndexed(ctx, templates, "owner", string(owner), maxTemplates)
	if err != nil {
		return nil, fault.Wrap("vault.Templates", err)
	}
	var out []Template
	for _, doc := range docs {
		t, err := v.decodeTemplate(owner, doc)
		if err != nil && !errors.Is(err, seal.ErrNotAuthentic) {
			return nil, err
		}
		if err == nil {
			out = append(out, t)
		}
	}
	return out, nil
}

// Template returns a caller's template, or NotFound.
func (v *Vault) Template(ctx context.Context, owner Owner, name string) (Template, error) {
	doc, err := v.docs.Get(ctx, templates, TemplateID(owner, name))
	if err != nil {
		return Template{}, fault.Wrap("vault.Template", err)
	}
	return v.decodeTemplate(owner, doc)
}

// decodeTemplate opens a record. It does not trust the owner in the clear: the
// document ID, a hash of owner and name, must match.
func (v *Vault) decodeTemplate(owner Owner, doc Doc) (Template, error) {
	var t Template
	err := v.open(templates, doc, &t)
	if err == nil && TemplateID(owner, t.Name) != doc.ID {
		err = errBrokenRecord
	}
	return t, fault.Wrap("vault.Template", err)
}

// PutTemplate creates or replaces a caller's template if check accepts the stored
// one (nil if there is none). Of two concurrent calls, one may return Conflict.
func (v *Vault) PutTemplate(ctx context.Context, owner Owner, t Template, check func(stored *Template) error) error {
	doc, stored, err := v.findTemplate(ctx, owner, t.Name)
	if err == nil {
		err = check(stored)
	}
	if err == nil && stored == nil {
		var all []Template
		if all, err = v.Templates(ctx, owner); err == nil && len(all) >= maxTemplates {
			err = &fault.Error{Kind: fault.Conflict, Err: ErrTooManyTemplates}
		}
	}
	if err == nil {
		place := Ref{templates, TemplateID(owner, t.Name)}
		_, err = v.save(ctx, place, doc.Version, t, Fields{"owner": string(owner)})
	}
	return fault.Wrap("vault.PutTemplate", err)
}

// findTemplate returns a template and its document, or nil if there is none.
func (v *Vault) findTemplate(ctx context.Context, owner Owner, name string) (Doc, *Template, error) {
	doc, err := v.docs.Get(ctx, templates, TemplateID(owner, name))
	if err != nil {
		if fault.KindOf(err) == fault.NotFound {
			err = nil
		}
		return Doc{}, nil, err
	}
	t, err := v.decodeTemplate(owner, doc)
	return doc, &t, err
}

// DeleteTemplate removes a caller's template if check accepts it (nil if there is none, which is not an error).
func (v *Vault) DeleteTemplate(
	ctx context.Context, owner Owner, name string, check func(stored *Template) error,
) error {
	doc, stored, err := v.findTemplate(ctx, owner, name)
	if err == nil {
		err = check(stored)
	}
	if err == nil && stored != nil {
		err = v.docs.Delete(ctx, templates, doc.ID, doc.Version)
	}
	return fault.Wrap("vault.DeleteTemplate", err)
}

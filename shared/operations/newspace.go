package operations

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/text"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// NewSpace is a space to be created.
type NewSpace struct {
	// Request is the space. It may have more members than a setup takes. With a template,
	// DisplayName is the {{title}} if the template has a name, and the template fills empty fields.
	Request spaces.Request
	// Template names one of the operator's or the caller's templates; empty for none.
	Template string
	// IgnoreFields lists template fields to ignore even if Request leaves them empty.
	IgnoreFields []Field
	OnDuplicate  OnDuplicate
	Read         bool // read the new space for CreatedSpace.ETag
}

// Field is a template field that a request can override.
type Field string

// The fields.
const (
	Description   Field = "description"
	Guidelines    Field = "guidelines"
	Discoverable  Field = "discoverable"
	Announcements Field = "announcements"
	AddTheApp     Field = "addTheApp"
	FirstMessage  Field = "firstMessage"
)

// OnDuplicate says what to do if another space has the name of a new one.
type OnDuplicate string

// The values of OnDuplicate.
const (
	DuplicateFail   OnDuplicate = ""       // Conflict
	DuplicateSuffix OnDuplicate = "SUFFIX" // append the next free number to the name
	DuplicateReuse  OnDuplicate = "REUSE"  // use the space of that name if the person is in it
)

// identity returns what makes two inputs the same. Labels of members do not count.
func (n NewSpace) identity() any {
	r := n.Request
	r.Members, r.More = nil, nil
	return []any{n.Template, n.IgnoreFields, n.OnDuplicate, r, users(n.Request.Members), users(n.Request.More)}
}

// users returns the resource names of members.
func users(members []spaces.Member) []string {
	out := make([]string, len(members))
	for i, m := range members {
		out[i] = m.User
	}
	return out
}

// clearFields returns a template without some of its fields.
func clearFields(t vault.Template, fields []Field) vault.Template {
	for _, f := range fields {
		switch f {
		case Description:
			t.Description = ""
		case Guidelines:
			t.Guidelines = ""
		case Discoverable:
			t.Discoverable = false
		case Announcements:
			t.Announcements = false
		case AddTheApp:
			t.AddApp = false
		case FirstMessage:
			t.FirstMessage = ""
		}
	}
	return t
}

// draft is a requested space before its placeholders are filled in and its groups are resolved.
type draft struct {
	request  spaces.Request
	title    string
	template *vault.Template // nil for none
	counter  string          // id of the template's {{seq}} counter
	taken    OnDuplicate
	read     bool
	err      error // of the current template; a request saved by an earlier attempt ignores it
}

// newDraft applies the template that an input names to its request.
func (o *Operations) newDraft(ctx context.Context, c Call, in NewSpace) (draft, error) {
	r := in.Request
	out := draft{title: text.Line(r.DisplayName), taken: in.OnDuplicate, read: in.Read}
	t := vault.Template{}
	if in.Template != "" {
		if err := c.Caller.AllowAction(callers.CreateSpaces); err != nil && !c.self {
			return out, err
		}
		var err error
		t, out.counter, err = o.loadTemplate(ctx, c, in.Template)
		if err != nil {
			return out, err
		}
		out.template = new(t)
		t = clearFields(t, in.IgnoreFields)
	}
	r.DisplayName = cmp.Or(t.DisplayName, out.title)
	r.Description, r.Guidelines = cmp.Or(r.Description, t.Description), cmp.Or(r.Guidelines, t.Guidelines)
	r.Discoverable, r.Announcements = r.Discoverable || t.Discoverable, r.Announcements || t.Announcements
	r.Rest.History, r.Rest.FirstMessage = cmp.Or(r.Rest.History, spaces.History(t.History)), cmp.Or(r.Rest.FirstMessage,
		t.FirstMessage)
	r.Rest.AddTheApp = r.Rest.AddTheApp || t.AddApp
	if r.External == nil && t.External {
		r.External = new(true)
	}
	for _, m := range t.Members {
		r.Members = append(slices.Clip(r.Members), spaces.Member{User: m, Label: resource.MemberLabel(m)})
	}
	out.request = r
	switch {
	case r.DisplayName == "":
		return out, fault.New(fault.Invalid, words.ErrorNameMissing)
	case utf8.RuneCountInString(r.Rest.FirstMessage) > maxText:
		return out, invalid(i18n.English("firstMessage has more than %d characters."), maxText)
	}
	// Check now, so that an invalid request fails before anything else. resolve
	// checks again with the placeholders filled in.
	if _, err := spaces.NormalizeName(out.title); err != nil && out.title != "" {
		return out, err
	}
	var err error
	out.request, err = splitMembers(out.request)
	return out, err
}

// maxText is the limit for a first message, in characters.
const maxText = 4_000

// loadTemplate returns a template of the operator's or the caller's own. A caller cannot use another caller's template.
func (o *Operations) loadTemplate(ctx context.Context, c Call, name string) (vault.Template, string, error) {
	owner, t, err := o.findTemplate(ctx, c.Caller, name)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return t, "", invalid(i18n.English("template: no template has this name."))
	}
	return t, vault.TemplateID(vault.Owner(owner), name), err
}

// splitMembers puts as many members as a setup takes into Members and the others into More.
func splitMembers(r spaces.Request) (spaces.Request, error) {
	if r.Members = distinct(append(slices.Clip(r.Members), r.More...)); len(r.Members) > spaces.MaxMembers {
		r.Members, r.More = r.Members[:spaces.MaxMembers], r.Members[spaces.MaxMembers:]
	} else {
		r.More = nil
	}
	return r.Normalize("")
}

func distinct(members []spaces.Member) []spaces.Member {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(members), func(m spaces.Member) bool {
		duplicate := seen[m.User]
		seen[m.User] = true
		return duplicate
	})
}

// hasGroupAddress reports whether a member is a group that has to be resolved.
func (d draft) hasGroupAddress() bool {
	return slices.ContainsFunc(slices.Concat(d.request.Members, d.request.More), spaces.Member.IsGroupAddress)
}

// actions returns all actions of the draft. To post as the person, or to read
// an existing space, needs a right and an approval of its own.
func (d draft) actions() []string {
	out := []string{callers.CreateSpaces}
	if d.request.Rest.FirstMessage != "" {
		out = append(out, callers.CreateMessages)
	}
	if d.taken == DuplicateReuse {
		out = append(out, callers.ReadSpaces, callers.ReadMembers)
	} else if d.read {
		out = append(out, callers.ReadSpaces)
	}
	return out
}

// capabilities returns the capabilities that the draft may use.
func (d draft) capabilities() []capability.Capability {
	out := d.request.Capabilities()
	if d.hasGroupAddress() {
		out = append(out, capability.ResolveGroups)
	}
	if d.taken == DuplicateReuse || d.read {
		out = append(out, capability.ReadSpaces)
	}
	if d.taken == DuplicateReuse && len(d.request.Members) == 0 {
		out = append(out, capability.ReadMembers)
	}
	return out
}

// resolve fills in the placeholders and resolves the groups.
func (o *Operations) resolve(ctx context.Context, a actor, d draft) (spaces.Request, error) {
	r := d.request
	if d.err != nil {
		return r, d.err
	}
	if d.template != nil {
		p := spaces.Placeholders{Title: d.title, Date: o.deps.Now().UTC()}
		var err error
		if p.Person, err = o.personEmail(ctx, a); err == nil && r.UsesSeq() {
			p.Seq, err = o.nextSeq(ctx, a, d.counter)
		}
		if err != nil {
			return r, err
		}
		if r, err = r.FillIn(p).Normalize(""); err != nil {
			return r, err
		}
	}
	if !d.hasGroupAddress() {
		return r, nil
	}
	members, err := a.spaces.ResolveGroups(ctx, a.person, append(slices.Clone(r.Members), r.More...))
	if err != nil {
		return r, err
	}
	r.Members, r.More = members, nil
	return splitMembers(r)
}

// personEmail returns the value of {{person}}.
func (o *Operations) personEmail(ctx context.Context, a actor) (string, error) {
	if email := strings.TrimPrefix(string(a.person), "users/"); strings.Contains(email, "@") {
		return email, nil
	}
	return o.deps.Grants.Email(ctx, a.person)
}

// nextSeq returns the value of {{seq}}: the number of this operation. For a plan it only reads the next number.
func (o *Operations) nextSeq(ctx context.Context, a actor, counter string) (int64, error) {
	if a.key == "" {
		last, err := o.deps.Vault.LastSeq(ctx, counter)
		return last + 1, err
	}
	return o.deps.Vault.NextSeq(ctx, counter, a.key)
}

func invalid(text i18n.Text, args ...any) error {
	return &fault.Error{Op: "operations", Kind: fault.Invalid, Public: text, Args: args}
}

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
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// NewSpace is a space to be made.
type NewSpace struct {
	// Request is the space, its members in any number up to what spaces takes. With
	// a template, DisplayName is the {{title}} where the template has a name, and
	// what is empty is the template's.
	Request spaces.Request
	// Template names the operator's, or one of the caller's own; empty for none.
	Template string
	// Without are fields of the template that do not count although Request leaves
	// them empty.
	Without []Field
	Taken   Taken
}

// Field is a field of a template that a request can leave out.
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

// Taken is what happens when the name of a new space is taken.
type Taken string

// What can happen.
const (
	TakenFail   Taken = ""       // Conflict
	TakenSuffix Taken = "SUFFIX" // the next free number stands behind the name
	TakenReuse  Taken = "REUSE"  // the space of that name is given, if the person is in it
)

// identity is what makes two inputs the same: how people are called is not part
// of it.
func (n NewSpace) identity() any {
	r := n.Request
	r.Members, r.More = nil, nil
	return []any{n.Template, n.Without, n.Taken, r, users(n.Request.Members), users(n.Request.More)}
}

// users are the resource names of members.
func users(members []spaces.Member) []string {
	out := make([]string, len(members))
	for i, m := range members {
		out[i] = m.User
	}
	return out
}

// without is a template without some of its fields.
func without(t vault.Template, fields []Field) vault.Template {
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
			t.AddTheApp = false
		case FirstMessage:
			t.First = ""
		}
	}
	return t
}

// wanted is a space as a caller wants it, before its placeholders are filled in
// and its groups are found.
type wanted struct {
	request  spaces.Request
	title    string
	template *vault.Template // nil: none
	counter  string          // of its {{seq}}
	taken    Taken
	wrong    error // with the template, as it is now
}

// wanted puts an input on the template that it names.
func (o *Operations) wanted(ctx context.Context, c Call, in NewSpace) (wanted, error) {
	r := in.Request
	out := wanted{title: strings.TrimSpace(r.DisplayName), taken: in.Taken}
	t := vault.Template{}
	if in.Template != "" {
		if err := c.Caller.AllowAction(callers.CreateSpaces); err != nil && !c.self {
			return out, err
		}
		var err error
		t, out.counter, err = o.template(ctx, c, in.Template)
		if err != nil {
			return out, err
		}
		out.template = new(t)
		t = without(t, in.Without)
	}
	r.DisplayName = cmp.Or(t.DisplayName, out.title)
	r.Description, r.Guidelines = cmp.Or(r.Description, t.Description), cmp.Or(r.Guidelines, t.Guidelines)
	r.Discoverable, r.Announcements = r.Discoverable || t.Discoverable, r.Announcements || t.Announcements
	r.Rest.History, r.Rest.First = cmp.Or(r.Rest.History, spaces.History(t.History)), cmp.Or(r.Rest.First, t.First)
	r.Rest.AddTheApp = r.Rest.AddTheApp || t.AddTheApp
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
	case utf8.RuneCountInString(r.Rest.First) > maxText:
		return out, invalid(i18n.English("firstMessage has more than %d characters."), maxText)
	}
	// What is wrong with it is told before anything else; with the
	// placeholders in it, it is checked again.
	if _, err := spaces.CheckedName(out.title); err != nil && out.title != "" {
		return out, err
	}
	var err error
	out.request, err = split(out.request)
	return out, err
}

// maxText is how many characters a text beside something else may have.
const maxText = 4_000

// template is a template that an input names: the operator's, or the caller's
// own. What another caller wrote works for that one alone.
func (o *Operations) template(ctx context.Context, c Call, name string) (t vault.Template, counter string, err error) {
	owner, t, err := o.templateNamed(ctx, c.Caller, name)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return t, "", invalid(i18n.English("template: there is none of this name."))
	}
	return t, vault.TemplateID(vault.Owner(owner), name), err
}

// split puts those members into the setup that it takes; the others come after.
func split(r spaces.Request) (spaces.Request, error) {
	if r.Members = distinct(append(slices.Clip(r.Members), r.More...)); len(r.Members) > spaces.MaxMembers {
		r.Members, r.More = r.Members[:spaces.MaxMembers], r.Members[spaces.MaxMembers:]
	} else {
		r.More = nil
	}
	return r.Checked("")
}

func distinct(members []spaces.Member) []spaces.Member {
	known := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(members), func(m spaces.Member) bool {
		before := known[m.User]
		known[m.User] = true
		return before
	})
}

// groups tells whether a member is a group that has to be found.
func (w wanted) groups() bool {
	return slices.ContainsFunc(append(slices.Clone(w.request.Members), w.request.More...), spaces.Member.ByAddress)
}

// actions are all that it does: what posts as the person, or reads a space that
// was there before, needs its own right and approval.
func (w wanted) actions() []string {
	out := only(callers.CreateSpaces)
	if w.request.Rest.First != "" {
		out = append(out, callers.CreateMessages)
	}
	if w.taken == TakenReuse {
		out = append(out, callers.ReadSpaces, callers.ReadMembers)
	}
	return out
}

// needed are the capabilities that it may take.
func (w wanted) needed() []capability.Capability {
	out := w.request.Needed()
	if w.groups() {
		out = append(out, capability.ResolveGroups)
	}
	if w.taken == TakenReuse {
		out = append(out, capability.ReadSpaces)
		if len(w.request.Members) == 0 {
			out = append(out, capability.ReadMembers)
		}
	}
	return out
}

// resolve fills in the placeholders and finds the groups.
func (o *Operations) resolve(ctx context.Context, who actor, w wanted) (spaces.Request, error) {
	r := w.request
	if w.wrong != nil {
		return r, w.wrong
	}
	if w.template != nil {
		p := spaces.Placeholders{Title: w.title, Date: o.deps.Now().UTC()}
		var err error
		if p.Person, err = o.addressOf(ctx, who); err == nil && r.Counts() {
			p.Seq, err = o.seq(ctx, who, w.counter)
		}
		if err != nil {
			return r, err
		}
		if r, err = r.Filled(p).Checked(""); err != nil {
			return r, err
		}
	}
	if !w.groups() {
		return r, nil
	}
	members, err := who.spaces.Resolve(ctx, who.person, append(slices.Clone(r.Members), r.More...))
	if err != nil {
		return r, err
	}
	r.Members, r.More = members, nil
	return split(r)
}

// addressOf is what {{person}} stands for.
func (o *Operations) addressOf(ctx context.Context, who actor) (string, error) {
	if email := strings.TrimPrefix(string(who.person), "users/"); strings.Contains(email, "@") {
		return email, nil
	}
	return o.deps.Grants.Email(ctx, who.person)
}

// seq is what {{seq}} stands for: the number of this operation, or, for a plan,
// of the next.
func (o *Operations) seq(ctx context.Context, who actor, counter string) (int64, error) {
	if who.key == "" {
		last, err := o.deps.Vault.LastSeq(ctx, counter)
		return last + 1, err
	}
	return o.deps.Vault.NextSeq(ctx, counter, who.key)
}

func invalid(text i18n.Text, args ...any) error {
	return &fault.Error{Op: "operations", Kind: fault.Invalid, Public: text, Args: args}
}

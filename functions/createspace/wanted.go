package createspace

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// wanted is a space as a caller wants it, before its placeholders are filled in
// and its groups are found.
type wanted struct {
	request  spaces.Request
	title    string
	template *vault.Template // nil: none
	counter  string          // of its {{seq}}
	taken    api.OnDuplicate
	wrong    error // with the template, as it is now
}

// wanted reads a body, and the template that it names.
func (f function) wanted(ctx context.Context, in api.CreateSpace) (wanted, error) {
	out := wanted{title: strings.TrimSpace(value(in.DisplayName)), taken: value(in.OnDuplicate)}
	t := vault.Template{}
	if name := value(in.Template); name != "" {
		if err := of(ctx).caller.AllowAction(callers.CreateSpaces); err != nil {
			return out, err
		}
		var err error
		t, out.counter, err = f.template(ctx, name)
		if err != nil {
			return out, err
		}
		out.template = &t
	}
	own, err := membersOf(append(slices.Clone(value(in.Members)), bare(t.Members)...))
	if err != nil {
		return out, err
	}
	out.request = spaces.Request{
		DisplayName: out.title, Description: or(in.Description, t.Description), Guidelines: or(in.Guidelines, t.Guidelines),
		Members: own, Audience: value(in.Audience),
		Discoverable:  or(in.Access, accessOf(t.Discoverable)) == api.DISCOVERABLE,
		Announcements: or(in.Kind, kindOf(t.Announcements)) == api.ANNOUNCEMENTS, External: in.ExternalUserAllowed,
		Rest: spaces.Rest{
			History: spaces.History(or(in.History, api.History(t.History))), AddTheApp: or(in.AddTheApp, t.AddTheApp), First: or(in.FirstMessage, t.First),
			Permissions: permissionsOf(in.Permissions), Access: accessPermissionsOf(in.AccessPermissions),
		},
	}
	switch r := &out.request; {
	case t.DisplayName != "":
		r.DisplayName = t.DisplayName
	case out.title == "":
		return out, fault.New(fault.Invalid, words.NameNeeded)
	}
	if out.request.External == nil && t.External {
		out.request.External = new(true)
	}
	if in.Access != nil && value(in.Audience) != "" && *in.Access == api.PRIVATE {
		return out, errPrivate
	}
	if err := audiences(append(append([]string{value(in.Audience)}, out.request.Rest.Access.Discover...), out.request.Rest.Access.Join...)...); err != nil {
		return out, err
	}
	if utf8.RuneCountInString(out.request.Rest.First) > maxText {
		return out, invalid(words.English("firstMessage has more than %d characters."), maxText)
	}
	// What is wrong with it is told before anything else; with the
	// placeholders in it, it is checked again.
	if _, err := spaces.CheckedName(out.title); err != nil && out.title != "" {
		return out, err
	}
	out.request, err = split(out.request)
	return out, err
}

// template is a template that a body names: the operator's, or the caller's own.
// What another caller wrote works for that one alone.
func (f function) template(ctx context.Context, name string) (t vault.Template, counter string, err error) {
	none := invalid(words.English("template: there is none of this name."))
	if !inPath["{template}"].MatchString(name) {
		return t, "", none
	}
	owner, t, err := f.templateNamed(ctx, name)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return t, "", none
	}
	return t, vault.TemplateID(owner, name), err
}

// templateNamed is a template with its owner: empty for the operator, whose come
// first.
func (f function) templateNamed(ctx context.Context, name string) (owner string, t vault.Template, err error) {
	all, err := f.Callers.File.Read(ctx)
	if err != nil {
		return "", t, err
	}
	if t, ok := all.Template(name); ok {
		return "", t, nil
	}
	owner = of(ctx).caller.ID
	t, err = f.Auth.Vault.Template(ctx, owner, name)
	return owner, t, err
}

// split puts those members into the setup that it takes; the others come after.
func split(r spaces.Request) (spaces.Request, error) {
	if r.Members = distinct(r.Members); len(r.Members) > spaces.MaxMembers {
		r.Members, r.More = r.Members[:spaces.MaxMembers], r.Members[spaces.MaxMembers:]
	}
	return r.Checked("")
}

func distinct(members []spaces.Member) []spaces.Member {
	known := map[string]bool{}
	return slices.DeleteFunc(members, func(m spaces.Member) bool {
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
	if w.taken == api.REUSE {
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
	if w.taken == api.REUSE {
		out = append(out, capability.ReadSpaces)
		if len(w.request.Members) == 0 {
			out = append(out, capability.ReadMembers)
		}
	}
	return out
}

// resolve fills in the placeholders and finds the groups.
func (f function) resolve(ctx context.Context, who actor, w wanted) (spaces.Request, error) {
	r := w.request
	if w.wrong != nil {
		return r, w.wrong
	}
	if w.template != nil {
		p := spaces.Placeholders{Title: w.title, Date: f.Now().UTC()}
		var err error
		if p.Person, err = f.addressOf(ctx, who); err == nil && r.Counts() {
			p.Seq, err = f.seq(ctx, who, w.counter)
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
func (f function) addressOf(ctx context.Context, who actor) (string, error) {
	if email := strings.TrimPrefix(who.person, "users/"); strings.Contains(email, "@") {
		return email, nil
	}
	return f.Auth.Email(ctx, who.person)
}

// seq is what {{seq}} stands for: the number of this act, or, for a plan, of
// the next.
func (f function) seq(ctx context.Context, who actor, counter string) (int64, error) {
	if who.source == "" {
		last, err := f.Auth.Vault.LastSeq(ctx, counter)
		return last + 1, err
	}
	return f.Auth.Vault.NextSeq(ctx, counter, who.source)
}

// membersOf are people and groups as a caller names them.
func membersOf(named []api.MemberName) ([]spaces.Member, error) {
	var out []spaces.Member
	for _, m := range named {
		name := m
		if address, group := strings.CutPrefix(m, "groups/"); group && strings.Contains(address, "@") {
			checked, err := user(address, "members")
			if err != nil {
				return nil, err
			}
			name = "groups/" + strings.TrimPrefix(checked, "users/")
		} else if !groupID.MatchString(m) {
			var err error
			if name, err = user(m, "members"); err != nil {
				return nil, err
			}
		}
		out = append(out, spaces.Member{User: name, Label: m})
	}
	return out, nil
}

// bare are the members of a template as a caller would name them.
func bare(members []string) []string {
	out := make([]string, len(members))
	for i, m := range members {
		out[i] = m
		if strings.Contains(m, "@") {
			out[i] = strings.TrimPrefix(m, "users/")
		}
	}
	return out
}

// or is what an optional field holds, else another value.
func or[T any](p *T, other T) T {
	if p == nil {
		return other
	}
	return *p
}

func accessOf(discoverable bool) api.Access {
	if discoverable {
		return api.DISCOVERABLE
	}
	return api.PRIVATE
}

func kindOf(announcements bool) api.SpaceKind {
	if announcements {
		return api.ANNOUNCEMENTS
	}
	return api.COLLABORATION
}

package callers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/vault"
)

// Parse reads the file. It refuses what it does not know, and says on which line
// everything is that is wrong. An empty file names nobody.
func Parse(text []byte) (*Set, error) {
	if len(text) > maxFile {
		return nil, errors.New("the file of callers is larger than 1 MiB")
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, readable(err)
	}
	if err := plain(&root); err != nil {
		return nil, err
	}
	var f file
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	err := decoder.Decode(&f)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, readable(err)
	}
	if err == nil && !errors.Is(decoder.Decode(&struct{}{}), io.EOF) {
		return nil, errors.New("callers: the file has more than one document; remove what follows the second ---")
	}
	c := checker{root: &root}
	set := &Set{Paused: f.Paused, Removed: f.Removed}
	for i := range f.Callers {
		c.line = c.lineOf("callers", i)
		set.Callers = append(set.Callers, c.caller(f.Callers[i], set))
	}
	for i, t := range f.Templates {
		c.line = c.lineOf("templates", i)
		if _, there := set.Template(t.Name); there {
			c.wrong("two templates have the name %q", t.Name)
		}
		set.Templates = append(set.Templates, c.template(t))
	}
	slices.SortFunc(set.Templates, func(a, b vault.Template) int { return strings.Compare(a.Name, b.Name) })
	if len(c.faults) > 0 {
		return nil, errors.New("callers: " + strings.Join(c.faults, "; "))
	}
	return set, nil
}

// plain refuses what lets one place of a YAML file stand for another, so that
// whoever reads the file reads all of it.
func plain(n *yaml.Node) error {
	if n.Anchor != "" || n.Kind == yaml.AliasNode {
		return fmt.Errorf("callers: line %d: anchors (&) and aliases (*) are not read here; write the value out", n.Line)
	}
	for i, inner := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && inner.Tag != "!!str" {
			return fmt.Errorf("callers: line %d: %q is not the name of a field", inner.Line, inner.Value)
		}
		list := n.Kind == yaml.MappingNode && slices.Contains([]string{"callers", "templates", "removed"}, n.Content[max(0, i-1)].Value)
		if inner.Tag == "!!null" && n.Kind != yaml.DocumentNode && !list {
			return fmt.Errorf("callers: line %d: a value is missing; leave the whole line out", inner.Line)
		}
		if err := plain(inner); err != nil {
			return err
		}
	}
	return nil
}

var (
	goType   = regexp.MustCompile(`field (\S+) not found in type \S+`)
	intoType = regexp.MustCompile(`cannot unmarshal !!(\w+) (.*) into (\S+)`)
)

// readable is an error of the YAML reader without the names of our types.
func readable(err error) error {
	text := strings.NewReplacer("yaml: unmarshal errors:", "", "yaml: ", "", "\n  ", "; ").Replace(err.Error())
	text = goType.ReplaceAllString(text, `there is no field "$1"`)
	text = intoType.ReplaceAllStringFunc(text, func(s string) string {
		m := intoType.FindStringSubmatch(s)
		kind := map[string]string{"bool": "true or false", "int": "a number", "string": "a text"}[m[3]]
		if kind == "" {
			kind = "a list or a mapping"
		}
		return m[2] + " is not " + kind
	})
	return errors.New("callers: " + strings.TrimPrefix(strings.TrimSpace(text), "; "))
}

// checker collects what is wrong, with its lines.
type checker struct {
	root   *yaml.Node
	line   int
	faults []string
}

func (c *checker) wrong(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf("line %d: ", c.line)+fmt.Sprintf(format, args...))
}

// lineOf is the line on which an entry of a list begins.
func (c *checker) lineOf(list string, i int) int {
	if at := find(c.root, list); at != nil && i < len(at.Content) {
		return at.Content[i].Line
	}
	return 1
}

// find is the value of a key of the document's mapping; nil when there is none.
func find(root *yaml.Node, key string) *yaml.Node {
	if len(root.Content) == 0 || root.Content[0].Kind != yaml.MappingNode {
		return nil
	}
	pairs := root.Content[0].Content
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i].Value == key {
			return pairs[i+1]
		}
	}
	return nil
}

var (
	callerID = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	uniqueID = regexp.MustCompile(`^[0-9]{15,25}$`)
	userID   = regexp.MustCompile(`^users/[0-9]{1,30}$`)
	domain   = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$`)
	account  = regexp.MustCompile(`^[a-z0-9.-]+@[a-z0-9.:-]+\.gserviceaccount\.com$`)
)

// caller checks one, and gives it as it is compared: addresses in lower case.
func (c *checker) caller(in Caller, before *Set) Caller {
	in.Email = address.Lower(in.Email)
	if !callerID.MatchString(in.ID) {
		c.wrong("id %q must begin with a small letter and have only small letters, digits and hyphens", in.ID)
	}
	if _, there := before.Caller(in.ID); there {
		c.wrong("two callers have the id %q", in.ID)
	}
	if slices.Contains(before.Removed, in.ID) {
		c.wrong("the id %q was another caller's, and is in removed; choose a new one, since people's approvals name the id", in.ID)
	}
	c.identity(in, before)
	if in.NotBuilt != (NotBuilt{}) {
		c.wrong("%s: returnAddresses, webhook, clientIds, redirectUris and issuer are not available yet", in.ID)
	}
	if strings.TrimSpace(in.Name) == "" || len(in.Name) > 100 || strings.ContainsFunc(in.Name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		c.wrong("%s: name is what people read when they are asked; give one of at most 100 printable characters", in.ID)
	}
	if len(in.Authorities) == 0 {
		in.Authorities = []vault.Authority{ByUser}
	}
	list(c, in.ID+": actions", in.Actions, Actions())
	list(c, in.ID+": authorities", in.Authorities, Authorities())
	in.People = c.each(in.ID+": people", in.People, func(s string) bool { return userID.MatchString(s) || isAddress(s) }, "users/{id} or an e-mail address")
	in.Domains = c.each(in.ID+": domains", in.Domains, domain.MatchString, "a domain such as example.com")
	in.Administrators = c.each(in.ID+": administrators", in.Administrators, isAddress, "an e-mail address")
	if in.Rate < 0 || in.Rate > 1_000_000 {
		c.wrong("%s: rate must be 0 to 1000000", in.ID)
	}
	return in
}

// identity checks what names the service account.
func (c *checker) identity(in Caller, before *Set) {
	switch {
	case in.Kind == "agent" || in.Kind == "oidc":
		c.wrong("%s: the kind %s is not available yet", in.ID, in.Kind)
	case in.Kind != ServiceAccount:
		c.wrong("%s: kind must be %s", in.ID, ServiceAccount)
	case in.UniqueID == "" && in.Email == "":
		c.wrong("%s: name the service account by uniqueId, email, or both", in.ID)
	}
	if in.UniqueID != "" && !uniqueID.MatchString(in.UniqueID) {
		c.wrong("%s: uniqueId must be the long number that gcloud iam service-accounts describe shows", in.ID)
	}
	if in.Email != "" && !account.MatchString(in.Email) {
		c.wrong("%s: email must be the address of a service account", in.ID)
	}
	for _, other := range before.Callers {
		if in.UniqueID != "" && other.UniqueID == in.UniqueID || in.Email != "" && other.Email == in.Email {
			c.wrong("%s and %s name the same service account", other.ID, in.ID)
		}
	}
}

// list checks that all are known, and none is there twice.
func list[T ~string](c *checker, what string, got, known []T) {
	for i, s := range got {
		if !slices.Contains(known, s) {
			c.wrong("%s: there is no %q; there are %s", what, s, strings.Trim(strings.ReplaceAll(fmt.Sprint(known), " ", ", "), "[]"))
		}
		if slices.Contains(got[:i], s) {
			c.wrong("%s: %q is given more than once", what, s)
		}
	}
}

// each checks every one of a list, and gives them in lower case.
func (c *checker) each(what string, got []string, fine func(string) bool, form string) []string {
	var out []string
	for _, s := range got {
		s = address.Lower(s)
		if !fine(s) {
			c.wrong("%s: %q is not %s", what, s, form)
		}
		if slices.Contains(out, s) {
			c.wrong("%s: %q is given more than once", what, s)
		}
		out = append(out, s)
	}
	return out
}

func isAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && !strings.ContainsAny(s, "/?#%\" ")
}

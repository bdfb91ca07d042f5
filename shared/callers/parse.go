package callers

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/vault"
)

// Parse parses a callers file. It rejects unknown fields and values, and its error
// lists every problem with its line. An empty file has no callers.
func Parse(text []byte) (*Set, error) {
	if len(text) > maxFile {
		return nil, errors.New("callers file is larger than 1 MiB")
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, readableError(err)
	}
	if err := checkNodes(&root); err != nil {
		return nil, err
	}
	var doc document
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	err := decoder.Decode(&doc)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, readableError(err)
	}
	if err == nil && !errors.Is(decoder.Decode(&struct{}{}), io.EOF) {
		return nil, errors.New("callers: more than one YAML document; remove everything after the second ---")
	}
	c := checker{root: &root}
	set := &Set{Paused: doc.Paused, Removed: doc.Removed}
	for i := range doc.Callers {
		c.line = c.entryLine("callers", i)
		set.Callers = append(set.Callers, c.caller(doc.Callers[i], set))
	}
	for i, t := range doc.Templates {
		c.line = c.entryLine("templates", i)
		if _, ok := set.Template(t.Name); ok {
			c.errorf("duplicate template name %q", t.Name)
		}
		set.Templates = append(set.Templates, c.template(t))
	}
	slices.SortFunc(set.Templates, func(a, b vault.Template) int { return strings.Compare(a.Name, b.Name) })
	if len(c.problems) > 0 {
		return nil, errors.New("callers: " + strings.Join(c.problems, "; "))
	}
	return set, nil
}

// checkNodes rejects anchors, aliases, keys that are not strings, and missing values.
// Without aliases, a reader sees every value in its own place.
func checkNodes(n *yaml.Node) error {
	if n.Anchor != "" || n.Kind == yaml.AliasNode {
		return fmt.Errorf("callers: line %d: anchors (&) and aliases (*) are not supported; repeat the value", n.Line)
	}
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && child.Tag != "!!str" {
			return fmt.Errorf("callers: line %d: %q is not a field name", child.Line, child.Value)
		}
		isList := n.Kind == yaml.MappingNode && slices.Contains(listFields, n.Content[max(0, i-1)].Value)
		if child.Tag == "!!null" && n.Kind != yaml.DocumentNode && !isList {
			return fmt.Errorf("callers: line %d: missing value; remove the line or give a value", child.Line)
		}
		if err := checkNodes(child); err != nil {
			return err
		}
	}
	return nil
}

var (
	listFields = []string{"callers", "templates", "removed"} // may be empty

	goType   = regexp.MustCompile(`field (\S+) not found in type \S+`)
	intoType = regexp.MustCompile(`cannot unmarshal !!\w+ (?:(.*) )?into (\S+)`)
)

// readableError returns an error of the YAML parser without Go type names.
func readableError(err error) error {
	text := goType.ReplaceAllString(err.Error(), `unknown field "$1"`)
	text = intoType.ReplaceAllStringFunc(text, func(s string) string {
		m := intoType.FindStringSubmatch(s)
		kind := map[string]string{"bool": "true or false", "int": "a number", "string": "a string"}[m[2]]
		if kind == "" {
			kind = "a list or a mapping"
		}
		return cmp.Or(m[1], "the value") + " is not " + kind
	})
	text = strings.NewReplacer("yaml: unmarshal errors:", "", "yaml: ", "", "\n  ", "; ").Replace(text)
	return errors.New("callers: " + strings.TrimPrefix(strings.TrimSpace(text), "; "))
}

// checker collects problems with their lines.
type checker struct {
	root     *yaml.Node
	line     int
	problems []string
}

func (c *checker) errorf(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf("line %d: ", c.line)+fmt.Sprintf(format, args...))
}

func (c *checker) entryLine(list string, i int) int {
	if len(c.root.Content) > 0 {
		if n := valueOf(c.root.Content[0], list); n != nil && i < len(n.Content) {
			return n.Content[i].Line
		}
	}
	return 1
}

// valueOf returns the value of a key in a mapping, or nil.
func valueOf(mapping *yaml.Node, key string) *yaml.Node {
	for pair := range slices.Chunk(mapping.Content, 2) {
		if mapping.Kind == yaml.MappingNode && pair[0].Value == key {
			return pair[1]
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

// caller checks a caller and returns it with addresses and domains in lower case.
func (c *checker) caller(in Caller, previous *Set) Caller {
	in.Email = address.Lower(in.Email)
	if !callerID.MatchString(in.ID) {
		c.errorf("id %q must be lowercase letters, digits and hyphens, and start with a letter", in.ID)
	}
	if _, ok := previous.Caller(in.ID); ok {
		c.errorf("duplicate caller id %q", in.ID)
	}
	if slices.Contains(previous.Removed, in.ID) {
		c.errorf("id %q belonged to a removed caller; choose a new id, because people's approvals refer to it", in.ID)
	}
	c.identity(in, previous)
	if in.Planned != (Planned{}) {
		c.errorf("%s: webhook, clientIds, redirectUris and issuer are not supported yet", in.ID)
	}
	unprintable := strings.ContainsFunc(in.Name, func(r rune) bool { return !unicode.IsPrint(r) })
	if strings.TrimSpace(in.Name) == "" || len(in.Name) > 100 || unprintable {
		c.errorf("%s: name must have 1 to 100 printable characters; people see it when they approve", in.ID)
	}
	if len(in.Authorities) == 0 {
		in.Authorities = []vault.Authority{AuthorityUser}
	}
	checkKnown(c, in.ID+": actions", in.Actions, Actions())
	checkKnown(c, in.ID+": authorities", in.Authorities, Authorities())
	isPerson := func(s string) bool { return userID.MatchString(s) || isAddress(s) }
	in.People = c.normalize(in.ID+": people", in.People, isPerson, "users/{id} or an email address")
	in.Domains = c.normalize(in.ID+": domains", in.Domains, domain.MatchString, "a domain such as example.com")
	in.Administrators = c.normalize(in.ID+": administrators", in.Administrators, isAddress, "an email address")
	for i, s := range in.ReturnAddresses {
		if !isReturnAddress(s) {
			c.errorf("%s: returnAddresses: %q is not an https URL of at most %d bytes, without user or fragment",
				in.ID, s, maxReturnAddress)
		}
		if slices.Contains(in.ReturnAddresses[:i], s) {
			c.errorf("%s: returnAddresses: %q is given more than once", in.ID, s)
		}
	}
	if in.Rate < 0 || in.Rate > 1_000_000 {
		c.errorf("%s: rate must be from 0 to 1000000", in.ID)
	}
	return in
}

func (c *checker) identity(in Caller, previous *Set) {
	switch {
	case in.Kind == "agent" || in.Kind == "oidc":
		c.errorf("%s: kind %s is not supported yet", in.ID, in.Kind)
	case in.Kind != ServiceAccount:
		c.errorf("%s: kind must be %s", in.ID, ServiceAccount)
	case in.UniqueID == "" && in.Email == "":
		c.errorf("%s: uniqueId or email of the service account is required", in.ID)
	}
	if in.UniqueID != "" && !uniqueID.MatchString(in.UniqueID) {
		c.errorf("%s: uniqueId must be the numeric ID shown by gcloud iam service-accounts describe", in.ID)
	}
	if in.Email != "" && !account.MatchString(in.Email) {
		c.errorf("%s: email must be a service account address", in.ID)
	}
	for _, other := range previous.Callers {
		if in.UniqueID != "" && other.UniqueID == in.UniqueID || in.Email != "" && other.Email == in.Email {
			c.errorf("%s and %s have the same service account", other.ID, in.ID)
		}
	}
}

// checkKnown checks that all values are known and none is repeated.
func checkKnown[T ~string](c *checker, field string, values, known []T) {
	for i, s := range values {
		if !slices.Contains(known, s) {
			all := strings.Trim(strings.ReplaceAll(fmt.Sprint(known), " ", ", "), "[]")
			c.errorf("%s: unknown value %q; known values are %s", field, s, all)
		}
		if slices.Contains(values[:i], s) {
			c.errorf("%s: %q is given more than once", field, s)
		}
	}
}

// normalize checks the values of a list and returns them in lower case.
func (c *checker) normalize(field string, values []string, valid func(string) bool, form string) []string {
	var out []string
	for _, s := range values {
		s = address.Lower(s)
		if !valid(s) {
			c.errorf("%s: %q is not %s", field, s, form)
		}
		if slices.Contains(out, s) {
			c.errorf("%s: %q is given more than once", field, s)
		}
		out = append(out, s)
	}
	return out
}

// maxReturnAddress is the most bytes of a return address: it is part of a link.
const maxReturnAddress = 256

// isReturnAddress reports whether s is https, or http on loopback for a test.
func isReturnAddress(s string) bool {
	u, err := url.Parse(s)
	secure := err == nil && (u.Scheme == "https" || u.Scheme == "http" && config.IsLoopback(u.Hostname()))
	return secure && u.Host != "" && u.User == nil && !strings.Contains(s, "#") && len(s) <= maxReturnAddress
}

func isAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && !strings.ContainsAny(s, "/?#%\" ")
}

// Package config reads a function's environment variables and reports all errors
// at once. It also defines Secret, a text that does not print itself.
//
// Secrets are environment variables bound to Secret Manager. The production.go of
// each function lists the variables that it needs.
package config

import (
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/text"
	"example.com/deputy/shared/words"
)

// Reader reads variables and collects errors. Use NewReader to create one. It is not safe for concurrent use.
type Reader struct {
	lookup   func(string) (string, bool)
	problems []string
}

// NewReader returns a Reader of the variables in lookup, such as os.LookupEnv. environ is the whole environment, such
// as os.Environ. In a deployed service (K_SERVICE), it is an error if it has a variable with which Google's libraries
// send credentials or data to another host.
func NewReader(lookup func(string) (string, bool), environ ...string) *Reader {
	r := &Reader{lookup: lookup}
	deployed := r.Optional("K_SERVICE", "") != ""
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		redirects := strings.HasSuffix(name, "_EMULATOR_HOST") || name == "GOOGLE_CLOUD_UNIVERSE_DOMAIN" ||
			name == "GCE_METADATA_HOST"
		if deployed && redirects && value != "" {
			r.AddError(Variable(name), "is set in a deployed service; it redirects Google's libraries, so remove it")
		}
	}
	return r
}

// Variable is the name of an environment variable.
type Variable string

// Optional returns the value of name, or fallback if it is unset or empty.
func (r *Reader) Optional(name Variable, fallback string) string {
	if value, ok := r.lookup(string(name)); ok && value != "" {
		return value
	}
	return fallback
}

// Required returns the value of name. Unset or empty is an error.
func (r *Reader) Required(name Variable) string {
	value := r.Optional(name, "")
	if value == "" {
		r.AddError(name, "is not set")
	}
	return value
}

// Secret returns the required value of name as a Secret.
func (r *Reader) Secret(name Variable) Secret { return NewSecret(r.Required(name)) }

// Address returns the required URL in name. It must be https, or http on loopback, without user, query or fragment.
func (r *Reader) Address(name Variable) string {
	value := r.Required(name)
	if problem := addressProblem(value); value != "" && problem != "" {
		r.AddError(name, problem)
		return ""
	}
	return value
}

func addressProblem(value string) string {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "must be a URL without user, query, or fragment, such as https://deputy.example.com/path"
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !IsLoopback(u.Hostname())) {
		return "must start with https://"
	}
	return ""
}

// Addresses returns the required comma-separated list of URLs in name. Each must be valid for Address.
func (r *Reader) Addresses(name Variable) []string {
	isAddress := func(s string) bool { return addressProblem(s) == "" }
	return r.split(name, r.Required(name), "https:// URLs without user, query, or fragment", isAddress)
}

var serviceAccount = regexp.MustCompile(`^[a-z0-9.-]+@[a-z0-9.:-]+\.gserviceaccount\.com$`)

// ServiceAccount returns the optional service account address in name.
func (r *Reader) ServiceAccount(name Variable) string {
	value := r.Optional(name, "")
	if value != "" && !serviceAccount.MatchString(value) {
		r.AddError(name, "must be a service account address, such as deputy@my-project.iam.gserviceaccount.com")
	}
	return value
}

// Text returns the optional text in name. It is one line with something to see.
func (r *Reader) Text(name Variable) string {
	value := r.Optional(name, "")
	if value != "" && text.Line(value) != value {
		r.AddError(name, "must be one line, without double blanks, blanks at its ends, or invisible characters")
	}
	return value
}

// Contact returns the optional email address or https URL in name.
func (r *Reader) Contact(name Variable) string {
	value := r.Optional(name, "")
	if _, err := mail.ParseAddress(value); value != "" && err != nil && !strings.HasPrefix(value, "https://") {
		r.AddError(name, "must be an email address or an https:// URL")
	}
	return value
}

// IsLoopback reports whether host is localhost or a loopback IP address.
func IsLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// ProjectNumber returns the required project number in name.
func (r *Reader) ProjectNumber(name Variable) string {
	value := r.Required(name)
	if strings.Trim(value, "0123456789") != "" {
		r.AddError(name, "must be a number (the project number, not the project ID)")
	}
	return value
}

var id = regexp.MustCompile(`^[A-Za-z0-9._:()-]+$`)

// ID returns the ID in name, such as a project's, or fallback if it is unset or empty. Without a fallback it is
// required.
func (r *Reader) ID(name Variable, fallback string) string {
	value := r.Optional(name, fallback)
	switch {
	case value == "":
		r.AddError(name, "is not set")
	case !id.MatchString(value):
		r.AddError(name, "must be an ID, without blanks and characters such as * , @ or /")
	}
	return value
}

// IDs returns the required comma-separated list of IDs in name.
func (r *Reader) IDs(name Variable) []string {
	return r.split(name, r.Required(name), "IDs", id.MatchString)
}

// Domains returns the optional comma-separated list of domains in name, in lower case. A value that is
// not such a list is an error: an empty list would admit everyone.
func (r *Reader) Domains(name Variable) []string {
	value := address.Lower(r.Optional(name, ""))
	return r.split(name, value, "domains such as example.com", domain.MatchString)
}

func (r *Reader) split(name Variable, list, form string, isValid func(string) bool) []string {
	if list == "" {
		return nil
	}
	var out []string
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); !isValid(item) {
			r.AddError(name, "must be a comma-separated list of "+form+", none of them empty")
			return nil
		}
		out = append(out, item)
	}
	return out
}

var domain = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$`)

// AddError adds an error for name. problem must not contain the value.
func (r *Reader) AddError(name Variable, problem string) {
	r.problems = append(r.problems, string(name)+" "+problem)
}

// Check adds err unless it is nil.
func (r *Reader) Check(err error) {
	if err != nil {
		r.problems = append(r.problems, err.Error())
	}
}

// Err returns an Unavailable fault that lists all errors, or nil if there are none.
func (r *Reader) Err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return &fault.Error{
		Op: "config.Err", Kind: fault.Unavailable,
		Public: words.ErrorNotSetUp,
		Err:    problems(r.problems),
	}
}

type problems []string

func (p problems) Error() string { return "configuration: " + strings.Join(p, "; ") }

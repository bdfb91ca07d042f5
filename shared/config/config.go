// Package config reads what a function needs from its environment and tells
// every fault of it in one error, so that an operator mends them in one go.
// It also holds Secret, the text that cannot print itself.
//
// Secrets arrive as variables bound to Secret Manager; there is no file and no
// flag. Which names a function needs stands in its own production.go.
package config

import (
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/words"
)

// Reader collects values and the faults met on the way. Its zero value is not
// usable: see Read. It is not safe for concurrent use.
type Reader struct {
	lookup func(string) (string, bool)
	faults []string
}

// Read starts reading from lookup, which is os.LookupEnv in production.
func Read(lookup func(string) (string, bool)) *Reader { return &Reader{lookup: lookup} }

// Variable is the name of one of the environment.
type Variable string

// Optional is the value of name, or otherwise when it is unset or empty.
func (r *Reader) Optional(name Variable, otherwise string) string {
	if value, ok := r.lookup(string(name)); ok && value != "" {
		return value
	}
	return otherwise
}

// Required is the value of name; unset or empty is a fault.
func (r *Reader) Required(name Variable) string {
	value := r.Optional(name, "")
	if value == "" {
		r.Fault(name, "is not set")
	}
	return value
}

// Secret is Required for a value that must not be printed.
func (r *Reader) Secret(name Variable) Secret { return NewSecret(r.Required(name)) }

// Address is a required address: https, or http on loopback, with no user,
// query or fragment.
func (r *Reader) Address(name Variable) string {
	value := r.Required(name)
	if value == "" {
		return ""
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		r.Fault(name, "must be a plain address like https://deputy.example.com/path")
		return ""
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !Loopback(u.Hostname())) {
		r.Fault(name, "must begin with https://")
		return ""
	}
	return value
}

var serviceAccount = regexp.MustCompile(`^[a-z0-9.-]+@[a-z0-9.:-]+\.gserviceaccount\.com$`)

// ServiceAccount is the e-mail address of a service account, or empty.
func (r *Reader) ServiceAccount(name Variable) string {
	value := r.Optional(name, "")
	if value != "" && !serviceAccount.MatchString(value) {
		r.Fault(name, "must be the e-mail address of a service account, such as deputy@my-project.iam.gserviceaccount.com")
	}
	return value
}

// Contact is an optional e-mail address, or an https one.
func (r *Reader) Contact(name Variable) string {
	value := r.Optional(name, "")
	if _, err := mail.ParseAddress(value); value != "" && err != nil && !strings.HasPrefix(value, "https://") {
		r.Fault(name, "must be an e-mail address, or an address that begins with https://")
	}
	return value
}

// Loopback tells whether host names this machine itself.
func Loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// Digits is a required number written in digits only, such as a project number.
func (r *Reader) Digits(name Variable) string {
	value := r.Required(name)
	if strings.Trim(value, "0123456789") != "" {
		r.Fault(name, "must be a number (the project number, not the project id)")
	}
	return value
}

// Names is a required list of names, with commas between them and none empty.
func (r *Reader) Names(name Variable) []string {
	value := r.Required(name)
	if value == "" {
		return nil
	}
	var out []string
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item == "" || strings.ContainsAny(item, " \t") {
			r.Fault(name, "must be one name, or several with commas between them, and none empty")
			return nil
		}
		out = append(out, item)
	}
	return out
}

// Domains is an optional list of domains, such as example.com, in lower case.
// Set without any, or with something else, it is a fault: a list that only looks
// set would admit everybody.
func (r *Reader) Domains(name Variable) []string {
	value, set := r.lookup(string(name))
	if !set || value == "" {
		return nil
	}
	var out []string
	for item := range strings.SplitSeq(value, ",") {
		item = address.Lower(strings.TrimSpace(item))
		if !domain.MatchString(item) {
			r.Fault(name, "must be domains such as example.com, with commas between them, and none empty")
			return nil
		}
		out = append(out, item)
	}
	return out
}

var domain = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$`)

// Fault notes that name is wrong, and why; why must not hold the value.
func (r *Reader) Fault(name Variable, why string) { r.faults = append(r.faults, string(name)+" "+why) }

// Check notes what a parser of a value said against it; nil is fine.
func (r *Reader) Check(err error) {
	if err != nil {
		r.faults = append(r.faults, err.Error())
	}
}

// Err is one error that lists every fault, or nil. Its kind is Unavailable:
// the function is there but cannot serve until the operator has mended it.
func (r *Reader) Err() error {
	if len(r.faults) == 0 {
		return nil
	}
	return &fault.Error{
		Op: "config.Read", Kind: fault.Unavailable,
		Public: words.ErrorNotSetUp,
		Err:    faults(r.faults),
	}
}

type faults []string

func (f faults) Error() string { return "configuration: " + strings.Join(f, "; ") }

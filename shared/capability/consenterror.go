package capability

import (
	"errors"
	"strings"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/words"
)

// ConsentError is the error of an operation that requires a person's consent first.
type ConsentError struct {
	Capabilities   []Capability // what the operation needs
	Missing        []Capability // those that the grant does not allow
	Connected      bool         // the person has a grant that works, but it lacks Missing
	Allowed        []Capability // what that grant allows
	Refused        []Capability // what the person left unselected lately
	Declined       bool         // the person has already declined all that is missing
	Ended          bool         // Google has ended the grant, and the person has not been notified
	SignInRequired bool         // a session policy requires a new sign-in
}

// Error lists what is missing, for the log.
func (n *ConsentError) Error() string {
	return "consent needed for " + strings.Join(Names(n.Missing), ", ")
}

// Fault returns n as a NeedsConsent error.
func (n *ConsentError) Fault() error {
	return &fault.Error{Op: "capability", Kind: fault.NeedsConsent, Public: words.ErrorNotConnected, Err: n}
}

// AsConsentError returns the ConsentError in err's chain.
func AsConsentError(err error) (*ConsentError, bool) { return errors.AsType[*ConsentError](err) }

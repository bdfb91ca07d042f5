package capability

import (
	"errors"
	"strings"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/words"
)

// Needs is why an operation cannot be done as a person yet: what they have to
// allow.
type Needs struct {
	Capabilities []Capability // what the operation needs
	Missing      []Capability // what of it is not granted
	Declined     bool         // all that is missing was asked for before, and its box left unticked
	Ended        bool         // Google has ended the grant, and the person has not been told
	SignIn       bool         // a session policy wants the person to sign in again
}

// Error names what is missing, for the log.
func (n *Needs) Error() string { return "consent needed for " + strings.Join(Names(n.Missing), ", ") }

// Fault is n as a NeedsConsent.
func (n *Needs) Fault() error {
	return &fault.Error{Op: "capability", Kind: fault.NeedsConsent, Public: words.ErrorNotConnected, Err: n}
}

// Needed finds the Needs in err's chain.
func Needed(err error) (*Needs, bool) { return errors.AsType[*Needs](err) }

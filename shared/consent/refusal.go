package consent

import (
	"errors"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
)

// Reason is why a consent came to nothing. Nothing is stored then.
type Reason string

// The reasons, as the pages tell them.
const (
	LinkExpired   Reason = "link_expired"
	LinkUsed      Reason = "link_used"
	OtherBrowser  Reason = "other_browser"
	Declined      Reason = "declined"
	WrongAccount  Reason = "wrong_account"
	WrongDomain   Reason = "wrong_domain"
	GoogleRefused Reason = "google_refused"
	Unfinished    Reason = "unfinished" // somebody did not answer: nothing is wrong with the consent
)

// Refusal is a consent that came to nothing.
type Refusal struct {
	Reason  Reason
	Again   config.Secret // a fresh invitation for the same person; may be empty
	Account string        // e-mail of the account that was used, if known
	Err     error
}

// Error names the reason and the failed check, for the log.
func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Err.Error() }

// Unwrap gives the failed check.
func (r *Refusal) Unwrap() error { return r.Err }

// RefusalIn finds the Refusal in err's chain.
func RefusalIn(err error) (*Refusal, bool) { return errors.AsType[*Refusal](err) }

func refused(reason Reason, why error) error {
	return &fault.Error{Op: "consent", Kind: fault.Invalid, Err: &Refusal{Reason: reason, Err: why}}
}

package consent

import (
	"errors"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
)

// Reason is why a consent failed. Nothing is stored then.
type Reason string

// The reasons. Each has its page.
const (
	LinkExpired   Reason = "link_expired"
	LinkUsed      Reason = "link_used"
	OtherBrowser  Reason = "other_browser"
	Declined      Reason = "declined"
	WrongAccount  Reason = "wrong_account"
	WrongAddress  Reason = "wrong_address" // another address than the one that a caller named
	WrongDomain   Reason = "wrong_domain"
	GoogleRefused Reason = "google_refused"
	SignInAgain   Reason = "sign_in_again" // a session policy of the organization
	Running       Reason = "running"       // an earlier request of the same browser is not finished
	Unfinished    Reason = "unfinished"    // Google or the store was unavailable; the consent is valid
)

var errOtherPurpose = errors.New("pending record has another purpose")

// Refusal is the error of a consent that failed.
type Refusal struct {
	Reason    Reason
	RetryLink config.Secret // a new invitation for the same person; may be empty
	Account   string        // email address of the account that was used, if known
	Stored    bool          // whether Flow.Outcome returns it again
	Err       error
}

// Error returns the reason and the failed check, for the log.
func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Err.Error() }

// Unwrap returns the failed check.
func (r *Refusal) Unwrap() error { return r.Err }

// AsRefusal returns the Refusal in err's chain.
func AsRefusal(err error) (*Refusal, bool) { return errors.AsType[*Refusal](err) }

func newRefusal(reason Reason, err error) error {
	return &fault.Error{Op: "consent", Kind: fault.Invalid, Err: &Refusal{Reason: reason, Err: err}}
}

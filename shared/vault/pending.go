package vault

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
)

const pendingConsents = "pendingConsents"

// PendingLife is how long a consent may be in flight: long enough to sign in
// with a second factor, short for a stolen state.
const PendingLife = 10 * time.Minute

// Why a pending consent cannot be taken, for errors.Is.
var (
	ErrExpired      = errors.New("the consent is unknown or expired")
	ErrUsed         = errors.New("the consent was taken before")
	ErrOtherBrowser = errors.New("the consent was started in another browser")
)

// Pending is the server's half of one consent in flight (collection
// pendingConsents, id: SHA-256 of the state).
type Pending struct {
	Person       resource.Person `json:"person,omitempty"` // users/{sub} who was invited; empty when only known by e-mail
	Email        string          `json:"email,omitempty"`  // who was invited, when only that is known
	Capabilities []string        `json:"capabilities,omitempty"`
	Purpose      string          `json:"purpose"`             // what is in flight: "connect" or "approve"
	Again        bool            `json:"again,omitempty"`     // the second trip to Google, which asks for consent anew
	Caller       string          `json:"caller,omitempty"`    // id of the system that a person is to approve
	Actions      []string        `json:"actions,omitempty"`   // that it wants
	Authority    Authority       `json:"authority,omitempty"` // by which it wants to do them
	Asked        time.Time       `json:"asked,omitzero"`      // when a question was asked
	Connected    time.Time       `json:"connected,omitzero"`  // the connection that an approval is asked for
	Verifier     config.Secret   `json:"-"`
	ReturnTo     config.Secret   `json:"-"`
	ReturnUntil  time.Time       `json:"returnUntil,omitzero"`
	Nonce        string          `json:"nonce,omitempty"`
	Browser      []byte          `json:"browser"` // SHA-256 of the browser's cookie
}

// sealedPending is a pending consent as it is sealed.
type sealedPending struct {
	Pending
	Verifier string    `json:"verifier,omitempty"`
	ReturnTo string    `json:"returnTo,omitempty"`
	Expires  time.Time `json:"expires"`
	Used     bool      `json:"used,omitempty"`
	By       string    `json:"by,omitempty"` // who used it, at random: to know one's own write again
}

// CreatePending stores p under the state for PendingLife; Conflict when that
// state is there already.
func (v *Vault) CreatePending(ctx context.Context, state config.Secret, p Pending) error {
	id := hashID(state)
	expires := v.now().Add(PendingLife)
	f, err := v.sealed(pendingConsents, id, sealedPending{Pending: p, Verifier: p.Verifier.Reveal(), ReturnTo: p.ReturnTo.Reveal(), Expires: expires}, Fields{expiresField: expires})
	if err == nil {
		_, err = v.docs.Create(ctx, pendingConsents, id, f)
	}
	return fault.Wrap("vault.CreatePending", err)
}

// Pending reads the consent of this state, as far as the browser that began it
// may still bring it back; else as TakePending.
func (v *Vault) Pending(ctx context.Context, state config.Secret, browser []byte) (Pending, error) {
	read, _, err := v.pending(ctx, hashID(state), browser)
	return read.Pending, err
}

func (v *Vault) pending(ctx context.Context, id string, browser []byte) (sealedPending, Version, error) {
	var read sealedPending
	doc, err := v.docs.Get(ctx, pendingConsents, id)
	if err == nil {
		err = v.open(pendingConsents, doc, &read)
	}
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		return read, "", refuse(ErrExpired)
	case errors.Is(err, seal.ErrNotAuthentic):
		return read, "", refuse(errors.Join(ErrExpired, err))
	case err != nil:
		return read, "", fault.Wrap("vault.pending", err)
	case subtle.ConstantTimeCompare(read.Browser, browser) != 1:
		return read, "", refuse(ErrOtherBrowser)
	case read.Used:
		return read, "", refuse(ErrUsed)
	case !v.now().Before(read.Expires):
		return read, "", refuse(ErrExpired)
	}
	read.Pending.Verifier, read.Pending.ReturnTo = config.NewSecret(read.Verifier), config.NewSecret(read.ReturnTo)
	return read, doc.Version, nil
}

// TakePending takes the consent of this state for the browser that began it.
// Of any number that try, exactly one gets it. The others, and whoever comes
// too late or from another browser, get an Invalid fault around ErrUsed,
// ErrExpired or ErrOtherBrowser; the last does not use the consent up.
func (v *Vault) TakePending(ctx context.Context, state config.Secret, browser []byte) (Pending, error) {
	id := hashID(state)
	read, version, err := v.pending(ctx, id, browser)
	if err != nil {
		return Pending{}, err
	}
	// The record stays, emptied, so that a second try can be told from a
	// late one.
	used := sealedPending{Pending: Pending{Person: read.Person, Purpose: read.Purpose, Browser: read.Browser}, Expires: read.Expires, Used: true, By: rand.Text()}
	f, err := v.sealed(pendingConsents, id, used, Fields{expiresField: read.Expires})
	if err != nil {
		return Pending{}, fault.Wrap("vault.TakePending", err)
	}
	_, err = v.docs.Replace(ctx, pendingConsents, id, f, version)
	if err != nil && fault.KindOf(err) == fault.Conflict {
		// Our own write may have taken effect and lost its answer.
		var now sealedPending
		doc, again := v.docs.Get(ctx, pendingConsents, id)
		if again != nil || v.open(pendingConsents, doc, &now) != nil || now.By != used.By {
			return Pending{}, refuse(ErrUsed)
		}
		err = nil
	}
	return read.Pending, fault.Wrap("vault.TakePending", err)
}

func refuse(why error) error {
	return &fault.Error{Op: "vault.TakePending", Kind: fault.Invalid, Err: why}
}

func hashID(state config.Secret) string {
	sum := sha256.Sum256([]byte(state.Reveal()))
	return hex.EncodeToString(sum[:])
}

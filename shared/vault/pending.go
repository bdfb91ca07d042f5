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
	Person       string // users/{sub} who was invited; empty when only known by e-mail
	Email        string // who was invited, when only that is known
	Capabilities []string
	Purpose      string   // what is in flight: "connect" or "approve"
	Caller       string   // id of the system that a person is to approve; may be empty
	Operations   []string // that it wants
	Authority    string   // by which it wants to do them
	Verifier     config.Secret
	ReturnTo     config.Secret
	ReturnUntil  time.Time
	Nonce        string
	Browser      []byte // SHA-256 of the browser's cookie
}

// CreatePending stores p under the state for PendingLife.
func (v *Vault) CreatePending(ctx context.Context, state config.Secret, p Pending) error {
	id := hashID(state)
	f := p.fields(v.now().Add(PendingLife))
	if err := v.sealAll(f, "consent", pendingConsents, id, p.secrets()...); err != nil {
		return err
	}
	_, err := v.docs.Create(ctx, pendingConsents, id, f)
	return fault.Wrap("vault.CreatePending", err)
}

// TakePending takes the consent of this state for the browser that began it.
// Of any number that try, exactly one gets it. The others, and whoever comes
// too late or from another browser, get an Invalid fault around ErrUsed,
// ErrExpired or ErrOtherBrowser; the last does not use the consent up.
func (v *Vault) TakePending(ctx context.Context, state config.Secret, browser []byte) (Pending, error) {
	id := hashID(state)
	doc, err := v.docs.Get(ctx, pendingConsents, id)
	if fault.KindOf(err) == fault.NotFound {
		return Pending{}, refuse(ErrExpired)
	}
	if err != nil {
		return Pending{}, fault.Wrap("vault.TakePending", err)
	}
	f := doc.Fields
	switch {
	case subtle.ConstantTimeCompare(data(f, "browser"), browser) != 1:
		return Pending{}, refuse(ErrOtherBrowser)
	case flag(f, "used"):
		return Pending{}, refuse(ErrUsed)
	case !v.now().Before(moment(f, "expires")):
		return Pending{}, refuse(ErrExpired)
	}
	p := Pending{
		Person: text(f, "person"), Email: text(f, "email"), Capabilities: texts(f, "capabilities"), Purpose: text(f, "purpose"),
		Nonce: text(f, "nonce"), Browser: data(f, "browser"), ReturnUntil: moment(f, "returnUntil"),
		Caller: text(f, "caller"), Operations: texts(f, "operations"), Authority: text(f, "authority"),
	}
	if err := v.openAll(f, "consent", pendingConsents, id, p.secrets()...); err != nil {
		return Pending{}, err
	}
	// The record stays, emptied, so that a second try can be told from a
	// late one.
	used := Pending{Person: p.Person, Purpose: p.Purpose, Browser: p.Browser}.fields(moment(f, "expires"))
	me := rand.Text()
	used["used"], used["by"] = true, me
	_, err = v.docs.Replace(ctx, pendingConsents, id, used, doc.Version)
	if fault.KindOf(err) == fault.Conflict {
		// Our own write may have taken effect and lost its answer.
		if doc, again := v.docs.Get(ctx, pendingConsents, id); again != nil || text(doc.Fields, "by") != me {
			return Pending{}, refuse(ErrUsed)
		}
		err = nil
	}
	return p, fault.Wrap("vault.TakePending", err)
}

func refuse(why error) error {
	return &fault.Error{Op: "vault.TakePending", Kind: fault.Invalid, Err: why}
}

func (p Pending) fields(expires time.Time) Fields {
	return Fields{
		"person": p.Person, "email": p.Email, "capabilities": p.Capabilities, "purpose": p.Purpose,
		"nonce": p.Nonce, "browser": p.Browser, "returnUntil": p.ReturnUntil, "expires": expires, "caller": p.Caller, "operations": p.Operations, "authority": p.Authority,
	}
}

func (p *Pending) secrets() []secretField {
	return []secretField{{"verifier", &p.Verifier}, {"returnTo", &p.ReturnTo}}
}

func hashID(state config.Secret) string {
	sum := sha256.Sum256([]byte(state.Reveal()))
	return hex.EncodeToString(sum[:])
}

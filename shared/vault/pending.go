package vault

import (
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
)

const pendingConsents = "pendingConsents"

// PendingTTL is how long a pending consent is valid: enough for a sign-in with a
// second factor, but short for a stolen state.
const PendingTTL = 10 * time.Minute

// The reasons why a pending consent cannot be taken, for errors.Is.
var (
	ErrExpired      = errors.New("consent unknown or expired")
	ErrUsed         = errors.New("consent already used")
	ErrOtherBrowser = errors.New("consent started in another browser")
)

// Pending is a consent in progress (collection pendingConsents, id: SHA-256 of the state).
type Pending struct {
	Person       resource.Person `json:"person,omitempty"` // invited users/{sub}; empty if known by email only
	Email        string          `json:"email,omitempty"`  // invited address, if only that is known
	Capabilities []string        `json:"capabilities,omitempty"`
	Optional     []string        `json:"optional,omitempty"`  // of Capabilities, what the person may leave unselected
	Purpose      string          `json:"purpose"`             // "connect" or "approve"
	ForceConsent bool            `json:"again,omitempty"`     // only Google's consent page gives a refresh token
	Caller       string          `json:"caller,omitempty"`    // id of the caller to approve
	Actions      []string        `json:"actions,omitempty"`   // that the caller asks for
	Authority    Authority       `json:"authority,omitempty"` // that the caller asks for
	Request      string          `json:"request,omitempty"`   // ID of the operation that asks
	Back         string          `json:"back,omitempty"`      // the caller's return address
	AskedAt      time.Time       `json:"asked,omitzero"`      // when the approval was requested
	ConnectedAt  time.Time       `json:"connected,omitzero"`  // the connection that the approval is for
	Verifier     config.Secret   `json:"-"`
	ReturnTo     config.Secret   `json:"-"`
	ReturnUntil  time.Time       `json:"returnUntil,omitzero"`
	Nonce        string          `json:"nonce,omitempty"`
	Browser      []byte          `json:"browser"` // SHA-256 of the browser's cookie

	taken *sealedPending // what TakePending stored
	at    Version        // of taken
}

// sealedPending is the sealed content of a pending consent.
type sealedPending struct {
	Pending
	Verifier string    `json:"verifier,omitempty"`
	ReturnTo string    `json:"returnTo,omitempty"`
	Expires  time.Time `json:"expires"`
	Used     bool      `json:"used,omitempty"`
	UsedAt   time.Time `json:"at,omitzero"`
	Outcome  string    `json:"outcome,omitempty"` // of the consent, for its browser; without code or token
}

// CreatePending stores p under the state for PendingTTL. It returns Conflict if the state exists.
func (v *Vault) CreatePending(ctx context.Context, state config.Secret, p Pending) error {
	w, err := v.PendingWrite(state, p)
	if err == nil {
		_, err = v.make(ctx, w)
	}
	return fault.Wrap("vault.CreatePending", err)
}

// PendingWrite returns the write of CreatePending, for SaveGrant.
func (v *Vault) PendingWrite(state config.Secret, p Pending) (Write, error) {
	expires := v.now().Add(PendingTTL)
	content := sealedPending{Pending: p, Verifier: p.Verifier.Reveal(), ReturnTo: p.ReturnTo.Reveal(), Expires: expires}
	return v.write(pendingPlace(state), "", content, Fields{expiresField: expires})
}

// Pending returns the consent of the state without using it. It fails as TakePending does.
func (v *Vault) Pending(ctx context.Context, state config.Secret, browser ...[]byte) (Pending, error) {
	p, _, err := v.loadPending(ctx, pendingPlace(state), browser)
	return p.Pending, err
}

func (v *Vault) loadPending(ctx context.Context, place Ref, browser [][]byte) (sealedPending, Version, error) {
	var p sealedPending
	doc, err := v.load(ctx, place, &p)
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		return p, "", invalidPending(ErrExpired)
	case errors.Is(err, seal.ErrNotAuthentic):
		return p, "", invalidPending(errors.Join(ErrExpired, err))
	case err != nil:
		return p, "", fault.Wrap("vault.loadPending", err)
	case !slices.ContainsFunc(browser, p.isBrowser):
		return p, doc.Version, invalidPending(ErrOtherBrowser)
	case p.Used:
		return p, "", invalidPending(ErrUsed)
	case !v.now().Before(p.Expires):
		return p, "", invalidPending(ErrExpired)
	}
	p.Pending.Verifier, p.Pending.ReturnTo = config.NewSecret(p.Verifier), config.NewSecret(p.ReturnTo)
	return p, doc.Version, nil
}

func (p *Pending) isBrowser(hash []byte) bool {
	return subtle.ConstantTimeCompare(p.Browser, hash) == 1
}

// TakePending returns the consent of the state and marks it used. The browser shows the hashes of its cookies, of which
// one must be the consent's. Of concurrent calls exactly one succeeds. TakePending returns an Invalid fault that wraps
// ErrUsed, ErrExpired or ErrOtherBrowser. Another browser ends a consent that its own
// browser has not brought back: somebody may have sent their own link to the person, and now wait for the code.
func (v *Vault) TakePending(ctx context.Context, state config.Secret, browser ...[]byte) (Pending, error) {
	place := pendingPlace(state)
	p, version, err := v.loadPending(ctx, place, browser)
	ends := errors.Is(err, ErrOtherBrowser) && p.Verifier != "" // a question stays
	if err != nil && !ends {
		return Pending{}, err
	}
	// The record stays, without its secrets, so that a retry returns ErrUsed.
	used := sealedPending{
		Pending: Pending{Person: p.Person, Purpose: p.Purpose, Browser: p.Browser},
		Expires: p.Expires, Used: true,
	}
	if !ends {
		used.UsedAt = v.now()
	}
	p.taken = &used
	p.at, err = v.save(ctx, place, version, used, Fields{expiresField: p.Expires})
	if ends && (err == nil || fault.KindOf(err) == fault.Conflict) { // its own browser was faster
		return Pending{}, invalidPending(ErrOtherBrowser)
	}
	if fault.KindOf(err) == fault.Conflict {
		return Pending{}, invalidPending(ErrUsed)
	}
	return p.Pending, fault.Wrap("vault.TakePending", err)
}

// SaveOutcome keeps the outcome of a consent that TakePending returned, for PendingTTL from now.
func (v *Vault) SaveOutcome(ctx context.Context, state config.Secret, p Pending, outcome []byte) error {
	w, err := v.OutcomeWrite(state, p, outcome)
	if err == nil {
		_, err = v.make(ctx, w)
	}
	return fault.Wrap("vault.SaveOutcome", err)
}

// OutcomeWrite returns the write of SaveOutcome, for SaveGrant.
func (v *Vault) OutcomeWrite(state config.Secret, p Pending, outcome []byte) (Write, error) {
	used := *p.taken
	used.Outcome, used.Expires = string(outcome), v.now().Add(PendingTTL)
	return v.write(pendingPlace(state), p.at, used, Fields{expiresField: used.Expires})
}

// LoadOutcome returns the outcome of a consent to the browser that started it, and when that browser used the consent.
// The outcome is nil while the consent is being finished. The time is zero before that. After PendingTTL,
// the error wraps ErrUsed. The ID is PendingID's.
func (v *Vault) LoadOutcome(ctx context.Context, id string, browser ...[]byte) ([]byte, time.Time, error) {
	p, _, err := v.loadPending(ctx, Ref{pendingConsents, id}, browser)
	switch {
	case err == nil:
		return nil, time.Time{}, nil
	case !errors.Is(err, ErrUsed) || !v.now().Before(p.Expires):
		return nil, time.Time{}, fault.Wrap("vault.LoadOutcome", err)
	case p.Outcome == "":
		return nil, p.UsedAt, nil
	}
	return []byte(p.Outcome), p.UsedAt, nil
}

func invalidPending(err error) error {
	return &fault.Error{Op: "vault.TakePending", Kind: fault.Invalid, Err: err}
}

// PendingID returns the ID of the record of a state. It doesn't tell the state.
func PendingID(state config.Secret) string { return sha256Hex(state.Reveal()) }

func pendingPlace(state config.Secret) Ref { return Ref{pendingConsents, PendingID(state)} }

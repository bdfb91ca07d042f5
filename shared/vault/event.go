package vault

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"example.com/deputy/shared/fault"
)

const seenEvents = "seenEvents"

// seenLife is how long a security event is known again when it comes twice.
const seenLife = 30 * 24 * time.Hour

// SeenEvent tells whether the security event with this issuer and jti was
// noted before.
func (v *Vault) SeenEvent(ctx context.Context, issuer, jti string) (bool, error) {
	doc, err := v.docs.Get(ctx, seenEvents, eventID(issuer, jti))
	if fault.KindOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil && v.now().Before(moment(doc.Fields, "expires")), fault.Wrap("vault.SeenEvent", err)
}

// NoteEvent notes a security event, once its effect is stored. One that is
// noted already is fine.
func (v *Vault) NoteEvent(ctx context.Context, issuer, jti string) error {
	_, err := v.docs.Create(ctx, seenEvents, eventID(issuer, jti), Fields{"expires": v.now().Add(seenLife)})
	if fault.KindOf(err) == fault.Conflict {
		return nil
	}
	return fault.Wrap("vault.NoteEvent", err)
}

func eventID(issuer, jti string) string {
	sum := sha256.Sum256([]byte(issuer + "|" + jti))
	return hex.EncodeToString(sum[:])
}

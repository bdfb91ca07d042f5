package grants_test

import (
	"testing"
	"time"

	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/vault"
)

// Attack: a question from an earlier connection, or from before a security event, is answered.
func TestApprove_EarlierConnection(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	since := w.Now()
	w.Advance(10 * time.Minute)
	for name, c := range map[string]struct {
		prepare   func(w *world)
		connected time.Time
		asked     time.Duration // after since
		want      bool
	}{
		"this connection":    {func(*world) {}, since, 10 * time.Minute, true},
		"earlier connection": {func(*world) {}, since.Add(-time.Hour), 10 * time.Minute, false},
		"sessions ended": {func(w *world) {
			w.MarkGrant(ada, vault.SessionsEndedAt, since.Add(10*time.Minute))
		}, since, 10 * time.Minute, false},
		"suspended": {func(w *world) {
			g, _ := w.StoredGrant(ada)
			g.Status = vault.Suspended
			_, err := w.Deps.Vault.SaveGrant(t.Context(), g)
			check(t, err)
		}, since, 10 * time.Minute, false},
		"event close to the sign-in": {func(w *world) {
			w.MarkGrant(ada, vault.RevokedAt, since.Add(30*time.Second))
		}, since, 31 * time.Second, true},
		"event close to the sign-in, since the question": {func(w *world) {
			w.MarkGrant(ada, vault.RevokedAt, since.Add(30*time.Second))
		}, since, 30 * time.Second, false},
		"event after the sign-in": {func(w *world) {
			w.MarkGrant(ada, vault.RevokedAt, since.Add(5*time.Minute))
		}, since, 10 * time.Minute, false},
	} {
		restore := w.backup(ada)
		c.prepare(w)
		approved, err := w.Approve(t.Context(), adaID, grants.Approval{
			Caller: "ci", Authority: "user", Actions: []string{"spaces.create"},
			ConnectedAt: c.connected, AskedAt: since.Add(c.asked),
		})
		stored, _ := w.StoredGrant(ada)
		if err != nil || approved != c.want || stored.HasApproved("ci", "user", "spaces.create") != c.want {
			t.Errorf("%s: %v, %v", name, approved, err)
		}
		if withdrawn, err := w.Withdraw(t.Context(), adaID, "ci", "user"); err != nil || withdrawn != c.want {
			t.Errorf("%s: withdrawn %v, %v", name, withdrawn, err)
		}
		restore()
	}
}

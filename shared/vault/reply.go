package vault

import (
	"context"
	"errors"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/seal"
)

const replies = "replies"

// ReplyLife is how long a caller may repeat a request and get its answer.
const ReplyLife = 7 * 24 * time.Hour

// Reply is the answer to a caller's request under its key, or that there is
// none yet (collection replies, id: a hash of caller, key and operation).
type Reply struct {
	ID      string
	Person  string        // users/{sub} whom it was done as
	Request string        // hash of the request: the same key may not ask for something else
	Lease   time.Time     // until when somebody is at it; zero: nobody
	Answer  config.Secret // JSON, sealed; empty: not done
	Journal config.Secret // JSON, sealed: what tries before have kept for the next
	Expires time.Time

	version Version
}

// Reply reads one; NotFound when there is none. An answer that does not open is
// an error: doing the request again would do it twice.
func (v *Vault) Reply(ctx context.Context, id string) (Reply, error) {
	doc, err := v.docs.Get(ctx, replies, id)
	if err != nil {
		return Reply{}, fault.Wrap("vault.Reply", err)
	}
	f := doc.Fields
	r := Reply{ID: id, Person: text(f, "person"), Request: text(f, "request"), Lease: moment(f, "lease"), Expires: moment(f, "expires"), version: doc.Version}
	err = v.openAll(f, "reply", replies, id, secretField{"answer", &r.Answer}, secretField{"journal", &r.Journal})
	if errors.Is(err, seal.ErrBroken) {
		err = &fault.Error{Op: "vault.Reply", Kind: fault.Internal, Err: err} // no consent mends that
	}
	return r, fault.Wrap("vault.Reply", err)
}

// CreateReply stores a new one; Conflict when there is one.
func (v *Vault) CreateReply(ctx context.Context, r Reply) (Reply, error) {
	r.Expires = v.now().Add(ReplyLife)
	f, err := v.replyFields(r)
	if err == nil {
		r.version, err = v.docs.Create(ctx, replies, r.ID, f)
	}
	return r, fault.Wrap("vault.CreateReply", err)
}

// SaveReply stores r anew; Conflict when it has changed since it was read.
func (v *Vault) SaveReply(ctx context.Context, r Reply) (Reply, error) {
	f, err := v.replyFields(r)
	if err == nil {
		r.version, err = v.docs.Replace(ctx, replies, r.ID, f, r.version)
	}
	return r, fault.Wrap("vault.SaveReply", err)
}

// DeleteReply removes r; Conflict when it has changed since it was read.
func (v *Vault) DeleteReply(ctx context.Context, r Reply) error {
	return fault.Wrap("vault.DeleteReply", v.docs.Delete(ctx, replies, r.ID, r.version))
}

// EraseReplies removes all answers about what was done as a person.
func (v *Vault) EraseReplies(ctx context.Context, person string) error {
	docs, err := v.matching(ctx, replies, "person", person)
	for _, doc := range docs {
		if err := v.docs.Delete(ctx, replies, doc.ID, doc.Version); err != nil && fault.KindOf(err) != fault.Conflict {
			return fault.Wrap("vault.EraseReplies", err)
		}
	}
	return fault.Wrap("vault.EraseReplies", err)
}

func (v *Vault) replyFields(r Reply) (Fields, error) {
	f := Fields{"person": r.Person, "request": r.Request, "lease": r.Lease, "expires": r.Expires}
	return f, v.sealAll(f, "reply", replies, r.ID, secretField{"answer", &r.Answer}, secretField{"journal", &r.Journal})
}

package vault

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/resource"
)

// Asked is a caller's request for approvals. It is the result of an operation. Only the grant approves: Asked tells the
// caller what the person answered.
type Asked struct {
	Named     resource.Named `json:"named"` // the person, as the caller named them
	Actions   []string       `json:"actions"`
	Authority Authority      `json:"authority"`
	Link      string         `json:"link"` // the invitation; a secret
	Time      time.Time      `json:"time"`
	Until     time.Time      `json:"until"` // the link's end
	Answered  bool           `json:"answered,omitempty"`
	Given     []string       `json:"given,omitempty"` // of Actions, what the person ticked; none if they refused
}

// Answer is a person's answer to Asked.
type Answer struct {
	ID     string // of the operation; empty if the request has no record
	Person resource.Person
	Given  []string // the ticked actions; none to refuse
}

// Asked returns a request for approvals with its operation, or NotFound.
func (v *Vault) Asked(ctx context.Context, id string) (Operation, Asked, error) {
	o, err := v.Operation(ctx, id)
	var a Asked
	if err == nil && !v.now().Before(o.Expires) {
		err = &fault.Error{Op: "vault.Asked", Kind: fault.NotFound}
	}
	if err == nil && json.Unmarshal([]byte(o.Result.Reveal()), &a) != nil || err == nil && a.Until.IsZero() {
		err = &fault.Error{Op: "vault.Asked", Kind: fault.NotFound} // another operation
	}
	return o, a, fault.Wrap("vault.Asked", err)
}

// SaveAnswer stores a person's answer, and with it their grant unless g is nil: both or none. A request without a
// record, or whose record expired, stores the grant alone. It returns Conflict if one has changed since it was read.
func (v *Vault) SaveAnswer(ctx context.Context, a Answer, g *Grant) error {
	var writes []Write
	if g != nil {
		_, write, err := v.grantWrite(*g)
		if err != nil {
			return err
		}
		writes = append(writes, write)
	}
	if a.ID != "" {
		write, err := v.answerWrite(ctx, a)
		if err != nil && fault.KindOf(err) != fault.NotFound {
			return err
		}
		if err == nil {
			writes = append(writes, write)
		}
	}
	if len(writes) == 0 {
		return nil
	}
	return fault.Wrap("vault.SaveAnswer", v.docs.Commit(ctx, writes...))
}

func (v *Vault) answerWrite(ctx context.Context, a Answer) (Write, error) {
	o, asked, err := v.Asked(ctx, a.ID)
	if err != nil {
		return Write{}, err
	}
	// A second answer to the same link takes nothing back: that is /status. The grant keeps what it has.
	asked.Given = slices.DeleteFunc(slices.Clone(asked.Actions), func(action string) bool {
		return !slices.Contains(asked.Given, action) && !slices.Contains(a.Given, action)
	})
	asked.Answered = true
	text, err := json.Marshal(asked)
	if err != nil {
		return Write{}, fault.Wrap("vault.SaveAnswer", err)
	}
	o.Result, o.Person = config.NewSecret(text), a.Person // erased with the person from now on
	return v.operationWrite(o)
}

// Package firestore is a vault.Docs on Cloud Firestore in Native mode. It is
// the only importer of Firestore's client.
//
// A document's version is its update time, with the names of its fields; writes carry it as a precondition,
// so no transaction is needed (and none is retried behind our back).
package firestore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/firestore"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// callTime bounds every call: a person waits behind it.
const callTime = 3 * time.Second

// Docs is the store. It is safe for concurrent use.
type Docs struct {
	client *firestore.Client
}

// Setting is which database of which project holds the records.
type Setting struct{ Project, Database string }

// FromEnv reads GOOGLE_CLOUD_PROJECT and FIRESTORE_DATABASE.
func FromEnv(env *config.Reader) Setting {
	if env.Optional("K_SERVICE", "") != "" && env.Optional("FIRESTORE_EMULATOR_HOST", "") != "" {
		env.AddError("FIRESTORE_EMULATOR_HOST", "is set in a deployed service; remove it")
	}
	return Setting{env.Required("GOOGLE_CLOUD_PROJECT"), env.Optional("FIRESTORE_DATABASE", "(default)")}
}

// New connects to it, lazily: the first call fails when there is no such database.
func New(ctx context.Context, s Setting) (*Docs, error) {
	client, err := firestore.NewClientWithDatabase(ctx, s.Project, s.Database)
	if err != nil {
		return nil, &fault.Error{Op: "firestore.New", Kind: fault.Unavailable, Err: err}
	}
	return &Docs{client: client}, nil
}

// Get implements vault.Docs.
func (d *Docs) Get(ctx context.Context, collection vault.Collection, id string) (vault.Doc, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	var snapshot *firestore.DocumentSnapshot
	err := again(ctx, func(ctx context.Context) (err error) {
		snapshot, err = d.client.Collection(string(collection)).Doc(id).Get(ctx)
		return err
	})
	if err != nil {
		return vault.Doc{}, translate("firestore.Get", err)
	}
	return doc(snapshot), nil
}

// Create implements vault.Docs.
func (d *Docs) Create(ctx context.Context, collection vault.Collection, id string, fields vault.Fields) (vault.Version, error) {
	if err := check(fields); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	var result *firestore.WriteResult
	err := again(ctx, func(ctx context.Context) (err error) {
		result, err = d.client.Collection(string(collection)).Doc(id).Create(ctx, map[string]any(fields))
		return err
	})
	if err != nil {
		return "", translate("firestore.Create", err)
	}
	return version(result.UpdateTime, fields), nil
}

// updates replace all fields of a document at a version. Firestore's Update writes
// only the fields it names: which ones have to go stands in the version.
func updates(fields vault.Fields, at vault.Version) []firestore.Update {
	var out []firestore.Update
	_, names := parts(at)
	for _, name := range names {
		if _, stays := fields[name]; !stays {
			out = append(out, firestore.Update{FieldPath: []string{name}, Value: firestore.Delete})
		}
	}
	for name, value := range fields {
		out = append(out, firestore.Update{FieldPath: []string{name}, Value: value})
	}
	return out
}

// Replace implements vault.Docs.
func (d *Docs) Replace(ctx context.Context, collection vault.Collection, id string, fields vault.Fields, at vault.Version) (vault.Version, error) {
	if err := check(fields); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	moment, _ := parts(at)
	var result *firestore.WriteResult
	err := again(ctx, func(ctx context.Context) (err error) {
		result, err = d.client.Collection(string(collection)).Doc(id).Update(ctx, updates(fields, at), firestore.LastUpdateTime(moment))
		return err
	})
	if err != nil {
		return "", gone(translate("firestore.Replace", err))
	}
	return version(result.UpdateTime, fields), nil
}

// Update implements vault.Docs.
func (d *Docs) Update(ctx context.Context, collection vault.Collection, id string, fields vault.Fields, at vault.Version) error {
	if err := check(fields); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	moment, _ := parts(at)
	var updates []firestore.Update
	for name, value := range fields {
		updates = append(updates, firestore.Update{FieldPath: []string{name}, Value: value})
	}
	err := again(ctx, func(ctx context.Context) error {
		_, err := d.client.Collection(string(collection)).Doc(id).Update(ctx, updates, firestore.LastUpdateTime(moment))
		return err
	})
	return gone(translate("firestore.Update", err))
}

// Delete implements vault.Docs.
func (d *Docs) Delete(ctx context.Context, collection vault.Collection, id string, at vault.Version) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	err := again(ctx, func(ctx context.Context) error {
		moment, _ := parts(at)
		_, err := d.client.Collection(string(collection)).Doc(id).Delete(ctx, firestore.LastUpdateTime(moment))
		return err
	})
	return gone(translate("firestore.Delete", err))
}

// contention is how a call is repeated that Firestore aborted: it changed
// nothing.
var contention = googlecall.Policy{Attempts: 5, AttemptTimeout: callTime}

func again(ctx context.Context, call func(context.Context) error) error {
	return contention.Do(ctx, func(err error) (time.Duration, bool) { return 0, status.Code(err) == codes.Aborted }, call)
}

func doc(s *firestore.DocumentSnapshot) vault.Doc {
	fields := vault.Fields(s.Data())
	for name, value := range fields {
		if list, ok := value.([]any); ok {
			texts := make([]string, len(list))
			for i, item := range list {
				texts[i], _ = item.(string) // check let nothing else in
			}
			fields[name] = texts
		}
	}
	return vault.Doc{ID: s.Ref.ID, Fields: fields, Version: version(s.UpdateTime, fields)}
}

// check refuses values that would not come back as they were.
func check(fields vault.Fields) error {
	for name, value := range fields {
		switch value.(type) {
		case string, int64, bool, []byte, []string, time.Time:
		default:
			return &fault.Error{Op: "firestore", Err: fmt.Errorf("field %s: %T cannot be stored", name, value)}
		}
	}
	return nil
}

// version is the time of a document's last write, and the names of its fields:
// whoever replaces it has to know them.
func version(t time.Time, fields vault.Fields) vault.Version {
	names := slices.Sorted(maps.Keys(fields))
	return vault.Version(strings.Join(append([]string{t.UTC().Format(time.RFC3339Nano)}, names...), " "))
}

func parts(v vault.Version) (time.Time, []string) {
	all := strings.Split(string(v), " ")
	t, _ := time.Parse(time.RFC3339Nano, all[0]) // we wrote it
	return t, all[1:]
}

// translate turns Firestore's status into a fault, once.
func translate(op string, err error) error {
	if err == nil {
		return nil
	}
	kind := fault.Internal
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		kind = fault.Unavailable // the client gives back a bare context error at times
	}
	switch status.Code(err) {
	case codes.NotFound:
		kind = fault.NotFound
	case codes.AlreadyExists, codes.FailedPrecondition:
		kind = fault.Conflict
	case codes.Aborted, codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.ResourceExhausted, codes.Internal:
		kind = fault.Unavailable
	case codes.PermissionDenied, codes.Unauthenticated:
		kind = fault.Unavailable // the operator's to mend
	}
	return &fault.Error{Op: op, Kind: kind, Public: publicOf(kind), Err: err}
}

func publicOf(kind fault.Kind) i18n.Text {
	if kind == fault.Unavailable {
		return words.ErrorStoreUnavailable
	}
	return fault.NoText
}

// gone is a conflict where a version was expected and nothing is there.
func gone(err error) error {
	if fault.KindOf(err) == fault.NotFound {
		return &fault.Error{Op: "firestore", Kind: fault.Conflict, Err: err}
	}
	return err
}

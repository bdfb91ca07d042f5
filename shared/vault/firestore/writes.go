package firestore

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"time"

	"cloud.google.com/go/firestore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// Create implements vault.Docs.
func (d *Docs) Create(ctx context.Context, c vault.Collection, id string, f vault.Fields) (vault.Version, error) {
	return d.commit(ctx, "firestore.Create", vault.Write{Ref: vault.Ref{Collection: c, ID: id}, Fields: f})
}

// Replace implements vault.Docs.
func (d *Docs) Replace(
	ctx context.Context, c vault.Collection, id string, fields vault.Fields, at vault.Version,
) (vault.Version, error) {
	if at == "" {
		return "", fault.New(fault.Conflict, fault.NoText)
	}
	write := vault.Write{Ref: vault.Ref{Collection: c, ID: id}, Fields: fields, IfVersion: at}
	return d.commit(ctx, "firestore.Replace", write)
}

// Update implements vault.Docs. It replaces a version without field names, and so deletes no field.
func (d *Docs) Update(ctx context.Context, c vault.Collection, id string, f vault.Fields, at vault.Version) error {
	updated, _ := parseVersion(at)
	_, err := d.Replace(ctx, c, id, f, makeVersion(updated, nil))
	return err
}

// Delete implements vault.Docs.
func (d *Docs) Delete(ctx context.Context, c vault.Collection, id string, at vault.Version) error {
	_, err := d.commit(ctx, "firestore.Delete", vault.Write{Ref: vault.Ref{Collection: c, ID: id}, IfVersion: at})
	return err
}

// Commit implements vault.Docs.
func (d *Docs) Commit(ctx context.Context, writes ...vault.Write) error {
	_, err := d.commit(ctx, "firestore.Commit", writes...)
	return err
}

// commit makes all writes or none, in one call, and returns the version of the last document. Firestore's client
// repeats a commit whose answer was lost, and the second answer is then a conflict with the first: commit reads the
// documents to tell.
func (d *Docs) commit(ctx context.Context, op string, writes ...vault.Write) (vault.Version, error) {
	var does operation
	for _, w := range writes {
		if w.IfVersion == "" {
			does |= creates
		} else {
			does |= changes
		}
		if err := checkTypes(w.Fields); err != nil {
			return "", err
		}
		if updated, _ := parseVersion(w.IfVersion); updated.IsZero() && (w.Fields == nil || w.IfVersion != "") {
			return "", fault.New(fault.Conflict, fault.NoText)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var lost atomic.Int64
	var last vault.Version
	err := call(context.WithValue(ctx, lostKey{}, &lost), op, does, func(ctx context.Context) error {
		results, err := d.send(ctx, writes)
		if i := len(results) - 1; err == nil {
			last = makeVersion(results[i].UpdateTime, writes[i].Fields)
		}
		return err
	})
	if fault.KindOf(err) == fault.Conflict && lost.Load() > 0 {
		return d.afterLostAnswer(ctx, op, writes)
	}
	return last, err
}

// send makes writes in one call. A transaction would need an extra call to begin; a BulkWriter is not atomic.
func (d *Docs) send(ctx context.Context, writes []vault.Write) ([]*firestore.WriteResult, error) {
	batch := d.client.Batch() //nolint:staticcheck // deprecated in favor of BulkWriter
	for _, w := range writes {
		docRef := d.client.Collection(string(w.Collection)).Doc(w.ID)
		updated, _ := parseVersion(w.IfVersion)
		switch {
		case w.Fields == nil:
			batch.Delete(docRef, firestore.LastUpdateTime(updated))
		case w.IfVersion == "":
			batch.Create(docRef, map[string]any(w.Fields))
		default:
			batch.Update(docRef, replaceUpdates(w.Fields, w.IfVersion), firestore.LastUpdateTime(updated))
		}
	}
	return batch.Commit(ctx)
}

// replaceUpdates returns the updates that replace all fields of a document. Firestore updates only
// named fields, so it also deletes the fields of at that are not in fields.
func replaceUpdates(fields vault.Fields, at vault.Version) []firestore.Update {
	var out []firestore.Update
	_, names := parseVersion(at)
	for _, name := range names {
		if _, ok := fields[name]; !ok {
			out = append(out, firestore.Update{FieldPath: []string{name}, Value: firestore.Delete})
		}
	}
	for name, value := range fields {
		out = append(out, firestore.Update{FieldPath: []string{name}, Value: value})
	}
	return out
}

// afterLostAnswer returns the version of the last document if all documents are as writes leave them. Otherwise, the
// outcome is unknown: writes may have been made and then overwritten. It is never a conflict, which would say that
// nothing was written.
func (d *Docs) afterLostAnswer(ctx context.Context, op string, writes []vault.Write) (vault.Version, error) {
	refs := make([]vault.Ref, len(writes))
	for i, w := range writes {
		refs[i] = w.Ref
	}
	docs, err := d.GetAll(ctx, refs...)
	if err != nil {
		return "", err
	}
	for i, w := range writes {
		if !isResult(docs[i], w) {
			err := errors.New("the answer to the write was lost, and the document was changed since")
			return "", &fault.Error{Op: op, Kind: fault.Unavailable, Public: words.ErrorStoreUnavailable, Err: err}
		}
	}
	return docs[len(docs)-1].Version, nil
}

// isResult reports whether doc is what w leaves. Sealed fields are never equal by chance: they contain a random nonce.
func isResult(doc vault.Doc, w vault.Write) bool {
	if w.Fields == nil || doc.Version == "" {
		return w.Fields == nil && doc.Version == ""
	}
	for name, sent := range w.Fields {
		got := doc.Fields[name]
		if t, ok := sent.(time.Time); ok {
			if at, ok := got.(time.Time); !ok || !at.Equal(t.Truncate(time.Microsecond)) {
				return false
			}
		} else if !reflect.DeepEqual(got, sent) {
			return false
		}
	}
	_, replaced := parseVersion(w.IfVersion)
	isUpdate := w.IfVersion != "" && len(replaced) == 0
	return isUpdate || len(doc.Fields) == len(w.Fields)
}

// lostKey is the key of a context's *atomic.Int64, which countLost increments.
type lostKey struct{}

// countLost counts the calls whose answers were lost. The client repeats them itself if the code is Unavailable, also
// when a connection ends in the middle of an answer, which gRPC calls Internal.
func countLost(
	ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker,
	options ...grpc.CallOption,
) error {
	err := invoke(ctx, method, request, reply, conn, options...)
	lost, isWrite := ctx.Value(lostKey{}).(*atomic.Int64)
	if code := status.Code(err); isWrite && (code == codes.Unavailable || code == codes.Internal) {
		lost.Add(1)
		return status.Error(codes.Unavailable, err.Error())
	}
	return err
}

// checkTypes rejects values that Firestore would not return unchanged.
func checkTypes(fields vault.Fields) error {
	for name, value := range fields {
		switch value.(type) {
		case string, int64, bool, []byte, []string, time.Time:
		default:
			return &fault.Error{Op: "firestore", Err: fmt.Errorf("field %s: %T cannot be stored", name, value)}
		}
	}
	return nil
}

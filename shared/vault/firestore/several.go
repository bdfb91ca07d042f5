package firestore

import (
	"context"

	"cloud.google.com/go/firestore"

	"example.com/deputy/shared/vault"
)

// List implements vault.Docs.
func (d *Docs) List(ctx context.Context, collection vault.Collection, after string, limit int) ([]vault.Doc, error) {
	query := d.client.Collection(string(collection)).OrderBy(firestore.DocumentID, firestore.Asc).Limit(limit)
	if after != "" {
		query = query.StartAfter(after)
	}
	return all(ctx, "firestore.List", query)
}

// Find implements vault.Docs.
func (d *Docs) Find(ctx context.Context, collection vault.Collection, field string, value any, limit int) ([]vault.Doc, error) {
	return all(ctx, "firestore.Find", d.client.Collection(string(collection)).Where(field, "==", value).Limit(limit))
}

// Range implements vault.Docs.
func (d *Docs) Range(ctx context.Context, collection vault.Collection, r vault.Range) ([]vault.Doc, error) {
	direction := firestore.Asc
	if r.Descending {
		direction = firestore.Desc
	}
	query := d.client.Collection(string(collection)).OrderBy(r.Field, direction).Limit(r.Limit)
	if r.From != nil {
		query = query.Where(r.Field, ">=", r.From)
	}
	if r.To != nil {
		query = query.Where(r.Field, "<=", r.To)
	}
	return all(ctx, "firestore.Range", query)
}

func all(ctx context.Context, op string, query firestore.Query) ([]vault.Doc, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	snapshots, err := query.Documents(ctx).GetAll()
	if err != nil {
		return nil, translate(op, err)
	}
	var out []vault.Doc
	for _, s := range snapshots {
		out = append(out, doc(s))
	}
	return out, nil
}

// GetAll implements vault.Docs.
func (d *Docs) GetAll(ctx context.Context, refs ...vault.Ref) ([]vault.Doc, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	named := make([]*firestore.DocumentRef, len(refs))
	for i, ref := range refs {
		named[i] = d.client.Collection(string(ref.Collection)).Doc(ref.ID)
	}
	snapshots, err := d.client.GetAll(ctx, named)
	if err != nil {
		return nil, translate("firestore.GetAll", err)
	}
	out := make([]vault.Doc, len(refs))
	for i, s := range snapshots {
		if out[i] = (vault.Doc{ID: refs[i].ID}); s.Exists() {
			out[i] = doc(s)
		}
	}
	return out, nil
}

// Commit implements vault.Docs.
func (d *Docs) Commit(ctx context.Context, writes ...vault.Write) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	err := again(ctx, func(ctx context.Context) error {
		// A transaction would begin with a call of its own, and a BulkWriter is not
		// atomic.
		batch := d.client.Batch() //nolint:staticcheck // deprecated for what it is not needed for here
		for _, w := range writes {
			if err := check(w.Fields); err != nil {
				return err
			}
			document := d.client.Collection(string(w.Collection)).Doc(w.ID)
			moment, _ := parts(w.At)
			switch {
			case w.Fields == nil:
				batch.Delete(document, firestore.LastUpdateTime(moment))
			case w.At == "":
				batch.Create(document, map[string]any(w.Fields))
			default:
				batch.Update(document, updates(w.Fields, w.At), firestore.LastUpdateTime(moment))
			}
		}
		_, err := batch.Commit(ctx)
		return err
	})
	return gone(translate("firestore.Commit", err))
}

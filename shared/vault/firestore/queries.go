package firestore

import (
	"context"

	"cloud.google.com/go/firestore"

	"example.com/deputy/shared/vault"
)

// List implements vault.Docs.
func (d *Docs) List(ctx context.Context, c vault.Collection, after string, limit int) ([]vault.Doc, error) {
	query := d.client.Collection(string(c)).OrderBy(firestore.DocumentID, firestore.Asc).Limit(limit)
	if after != "" {
		query = query.StartAfter(after)
	}
	return runQuery(ctx, "firestore.List", query)
}

// Find implements vault.Docs.
func (d *Docs) Find(ctx context.Context, c vault.Collection, field string, value any, limit int) ([]vault.Doc, error) {
	return runQuery(ctx, "firestore.Find", d.client.Collection(string(c)).Where(field, "==", value).Limit(limit))
}

// Range implements vault.Docs.
func (d *Docs) Range(ctx context.Context, c vault.Collection, r vault.Range) ([]vault.Doc, error) {
	direction := firestore.Asc
	if r.Descending {
		direction = firestore.Desc
	}
	query := d.client.Collection(string(c)).OrderBy(r.Field, direction).Limit(r.Limit)
	if r.From != nil {
		query = query.Where(r.Field, ">=", r.From)
	}
	if r.To != nil {
		query = query.Where(r.Field, "<=", r.To)
	}
	return runQuery(ctx, "firestore.Range", query)
}

func runQuery(ctx context.Context, op string, query firestore.Query) ([]vault.Doc, error) {
	var snapshots []*firestore.DocumentSnapshot
	err := read(ctx, op, func(ctx context.Context) (err error) {
		snapshots, err = query.Documents(ctx).GetAll()
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []vault.Doc
	for _, s := range snapshots {
		out = append(out, decodeDoc(s))
	}
	return out, nil
}

// GetAll implements vault.Docs.
func (d *Docs) GetAll(ctx context.Context, refs ...vault.Ref) ([]vault.Doc, error) {
	docRefs := make([]*firestore.DocumentRef, len(refs))
	for i, ref := range refs {
		docRefs[i] = d.client.Collection(string(ref.Collection)).Doc(ref.ID)
	}
	var snapshots []*firestore.DocumentSnapshot
	err := read(ctx, "firestore.GetAll", func(ctx context.Context) (err error) {
		snapshots, err = d.client.GetAll(ctx, docRefs)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([]vault.Doc, len(refs))
	for i, s := range snapshots {
		if out[i] = (vault.Doc{ID: refs[i].ID}); s.Exists() {
			out[i] = decodeDoc(s)
		}
	}
	return out, nil
}

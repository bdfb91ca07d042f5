package createspace

import (
	"context"
	"encoding/json"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/fault"
)

// Sweep keeps stored grants in order.
func (f function) Sweep(ctx context.Context, _ api.SweepRequestObject) (api.SweepResponseObject, error) {
	done, err := f.Operations.Sweep(ctx, of(ctx).caller)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(done)
	var out api.Sweep200JSONResponse
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	return out, fault.Wrap("createspace.Sweep", err)
}

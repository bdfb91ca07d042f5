package createspace

import (
	"context"
	"encoding/json"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/fault"
)

func (s server) Sweep(ctx context.Context, _ api.SweepRequestObject) (api.SweepResponseObject, error) {
	done, err := s.Operations.Sweep(ctx, stateFrom(ctx).caller)
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

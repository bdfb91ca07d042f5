package createspace

import (
	"context"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/fault"
)

func (s server) Sweep(ctx context.Context, _ api.SweepRequestObject) (api.SweepResponseObject, error) {
	done, err := s.Operations.Sweep(ctx, stateFrom(ctx).caller)
	if err != nil {
		return nil, err
	}
	out, err := viaJSON[api.Sweep200JSONResponse](done)
	return out, fault.Wrap("createspace.Sweep", err)
}

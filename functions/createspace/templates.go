package createspace

import (
	"context"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/operations"
)

// ListTemplates lists the operator's, and the caller's own.
func (f function) ListTemplates(ctx context.Context, _ api.ListTemplatesRequestObject) (api.ListTemplatesResponseObject, error) {
	all, err := f.Operations.ListTemplates(ctx, of(ctx).caller)
	out := api.ListTemplates200JSONResponse{Templates: []api.Template{}}
	for _, t := range all {
		out.Templates = append(out.Templates, api.TemplateOf(t))
	}
	return out, err
}

// GetTemplate reads one.
func (f function) GetTemplate(ctx context.Context, in api.GetTemplateRequestObject) (api.GetTemplateResponseObject, error) {
	t, err := f.Operations.GetTemplate(ctx, of(ctx).caller, in.Template)
	return api.GetTemplate200JSONResponse{Body: api.TemplateOf(t), Headers: api.GetTemplate200ResponseHeaders{ETag: new(operations.ETag(t))}}, err
}

// PutTemplate stores one of the caller's own in place of what there was.
func (f function) PutTemplate(ctx context.Context, in api.PutTemplateRequestObject) (api.PutTemplateResponseObject, error) {
	t, err := in.Body.Named(in.Template)
	if err != nil {
		return nil, err
	}
	t, err = f.Operations.PutTemplate(ctx, of(ctx).caller, t, in.Params.IfMatch)
	return api.PutTemplate200JSONResponse{Body: api.TemplateOf(t), Headers: api.PutTemplate200ResponseHeaders{ETag: new(operations.ETag(t))}}, err
}

// DeleteTemplate removes one; there is none of that name afterwards.
func (f function) DeleteTemplate(ctx context.Context, in api.DeleteTemplateRequestObject) (api.DeleteTemplateResponseObject, error) {
	err := f.Operations.DeleteTemplate(ctx, of(ctx).caller, in.Template, in.Params.IfMatch)
	return api.DeleteTemplate204Response{}, err
}

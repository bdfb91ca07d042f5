package createspace

import (
	"context"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/resource"
)

func (s server) ListTemplates(
	ctx context.Context, in api.ListTemplatesRequestObject,
) (api.ListTemplatesResponseObject, error) {
	caller := stateFrom(ctx).caller
	list := newListID(operations.Call{Person: resource.Named(caller.ID)}, "templates")
	page, err := list.decode(in.Params.PageSize, in.Params.PageToken)
	if err != nil {
		return nil, err
	}
	found, more, err := s.Operations.ListTemplates(ctx, caller, page)
	out := api.ListTemplates200JSONResponse{Templates: []api.Template{}, NextPageToken: list.encode(more)}
	for _, t := range found {
		out.Templates = append(out.Templates, api.TemplateOf(t))
	}
	return out, err
}

func (s server) GetTemplate(
	ctx context.Context, in api.GetTemplateRequestObject,
) (api.GetTemplateResponseObject, error) {
	t, err := s.Operations.GetTemplate(ctx, stateFrom(ctx).caller, in.Template)
	headers := api.GetTemplate200ResponseHeaders{ETag: new(operations.ETag(t))}
	return api.GetTemplate200JSONResponse{Body: api.TemplateOf(t), Headers: headers}, err
}

func (s server) PutTemplate(
	ctx context.Context, in api.PutTemplateRequestObject,
) (api.PutTemplateResponseObject, error) {
	t, err := in.Body.ToTemplate(in.Template)
	if err != nil {
		return nil, err
	}
	t, err = s.Operations.PutTemplate(ctx, stateFrom(ctx).caller, t, in.Params.IfMatch)
	headers := api.PutTemplate200ResponseHeaders{ETag: new(operations.ETag(t))}
	return api.PutTemplate200JSONResponse{Body: api.TemplateOf(t), Headers: headers}, err
}

func (s server) DeleteTemplate(
	ctx context.Context, in api.DeleteTemplateRequestObject,
) (api.DeleteTemplateResponseObject, error) {
	err := s.Operations.DeleteTemplate(ctx, stateFrom(ctx).caller, in.Template, in.Params.IfMatch)
	return api.DeleteTemplate204Response{}, err
}

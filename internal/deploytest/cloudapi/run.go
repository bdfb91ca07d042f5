package cloudapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
)

func (s *Server) createService(in *request) (any, *apiError) {
	name := object(in.body, "metadata")["name"].(string)
	in.name += "/" + name
	if s.resources[in.key()] != nil {
		return nil, &apiError{409, "ALREADY_EXISTS", "Resource '" + name + "' already exists.", nil}
	}
	return s.deploy(in)
}

func (s *Server) replaceService(in *request) (any, *apiError) {
	found := s.resources[in.key()]
	if found == nil {
		return nil, notFound("Resource '" + path.Base(in.name) + "' of kind 'SERVICE'")
	}
	if v := object(in.body, "metadata")["resourceVersion"]; v != nil &&
		v != object(found, "metadata")["resourceVersion"] {
		return nil, &apiError{409, "ABORTED", "Conflict for resource '" + path.Base(in.name) + "'.", nil}
	}
	return s.deploy(in)
}

// deleteService deletes a service with its revisions.
func (s *Server) deleteService(in *request) (any, *apiError) {
	maps.DeleteFunc(s.resources, func(_ string, r map[string]any) bool {
		if r["kind"] != "Revision" {
			return false
		}
		return object(r, "metadata", "labels")["serving.knative.dev/service"] == path.Base(in.name)
	})
	return s.remove(in)
}

// servicePolicy reads or writes the policy of a service, which must exist.
func (s *Server) servicePolicy(in *request) (any, *apiError) {
	for key := range s.resources {
		if path.Base(key) == path.Base(in.name) && path.Base(path.Dir(key)) == "services" {
			if in.verb == "setIamPolicy" {
				return s.setPolicy(in)
			}
			return s.policy(in.key()), nil
		}
	}
	return nil, notFound("Resource '" + path.Base(in.name) + "' of kind 'SERVICE'")
}

// object returns a nested object, which it makes if it is missing.
func object(in map[string]any, names ...string) map[string]any {
	for _, name := range names {
		next, ok := in[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			in[name] = next
		}
		in = next
	}
	return in
}

// deploy stores a service with a new revision, if its template is a new one, and with the traffic that it asks for.
func (s *Server) deploy(in *request) (any, *apiError) {
	s.n++
	name, old := path.Base(in.name), s.resources[in.key()]
	metadata, template := object(in.body, "metadata"), object(in.body, "spec", "template")
	revision := ""
	if old != nil {
		revision, _ = object(old, "status")["latestCreatedRevisionName"].(string)
	}
	if old == nil || !sameTemplate(object(old, "spec", "template"), template) {
		revision, _ = object(template, "metadata")["name"].(string)
		if revision == "" {
			revision = fmt.Sprintf("%s-%05d-abc", name, s.n)
		}
		labels := maps.Clone(object(template, "metadata", "labels"))
		labels["serving.knative.dev/service"] = name
		key := in.host + "/" + path.Join(path.Dir(path.Dir(in.name)), "revisions", revision)
		s.resources[key] = map[string]any{
			"apiVersion": "serving.knative.dev/v1", "kind": "Revision",
			"metadata": map[string]any{
				"name": revision, "labels": labels, "creationTimestamp": now(), "namespace": metadata["namespace"],
				"annotations": object(template, "metadata", "annotations"),
			},
			"spec":   template["spec"],
			"status": map[string]any{"conditions": []any{map[string]any{"type": "Ready", "status": "True"}}},
		}
	}
	generation := 1
	metadata["creationTimestamp"] = now()
	if old != nil {
		generation = object(old, "metadata")["generation"].(int) + 1
		metadata["creationTimestamp"] = object(old, "metadata")["creationTimestamp"]
	}
	metadata["generation"], metadata["resourceVersion"] = generation, fmt.Sprintf("v%d", s.n)
	address := fmt.Sprintf("https://%s-123456789012.europe-west1.run.app", name)
	conditions := []any{}
	for _, kind := range []string{"Ready", "ConfigurationsReady", "RoutesReady"} {
		conditions = append(conditions, map[string]any{"type": kind, "status": "True", "lastTransitionTime": now()})
	}
	in.body["status"] = map[string]any{
		"observedGeneration": generation, "conditions": conditions, "url": address,
		"address": map[string]any{"url": address}, "latestCreatedRevisionName": revision,
		"latestReadyRevisionName": revision, "traffic": targets(in.body, revision, name),
	}
	s.resources[in.key()] = in.body
	return in.body, nil
}

// targets returns the traffic of a service with the names of its revisions.
func targets(service map[string]any, latest, name string) []any {
	wanted, _ := object(service, "spec")["traffic"].([]any)
	if len(wanted) == 0 {
		wanted = []any{map[string]any{"latestRevision": true, "percent": 100.0}}
		object(service, "spec")["traffic"] = wanted
	}
	var out []any
	for _, w := range wanted {
		target := maps.Clone(w.(map[string]any))
		if target["latestRevision"] == true {
			target["revisionName"] = latest
		}
		if tag, ok := target["tag"].(string); ok {
			target["url"] = fmt.Sprintf("https://%s---%s-123456789012.europe-west1.run.app", tag, name)
		}
		out = append(out, target)
	}
	return out
}

// sameTemplate compares two templates as JSON, without what gcloud changes at each call.
func sameTemplate(a, b map[string]any) bool {
	plain := func(template map[string]any) (out any) {
		text, err := json.Marshal(template)
		if err == nil {
			err = json.Unmarshal(text, &out)
		}
		if err != nil {
			return nil
		}
		annotations := object(out.(map[string]any), "metadata", "annotations")
		maps.DeleteFunc(annotations, func(name string, _ any) bool {
			return slices.Contains([]string{"run.googleapis.com/client-version"}, name)
		})
		return out
	}
	return reflect.DeepEqual(plain(a), plain(b))
}

package cloudapi

import (
	"encoding/base64"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// generic answers the methods that most resources have.
func (s *Server) generic(in *request) (any, *apiError) {
	switch last := in.ID[strings.LastIndex(in.ID, ".")+1:]; last {
	case "get":
		return s.get(in)
	case "list":
		return s.list(in), nil
	case "create", "insert":
		return s.create(in)
	case "patch", "update", "replaceService", "updateLabels":
		return s.patch(in)
	case "delete":
		return s.remove(in)
	case "getIamPolicy":
		return s.policy(in.key()), nil
	case "setIamPolicy":
		return s.setPolicy(in)
	case "testIamPermissions":
		return map[string]any{"permissions": in.body["permissions"]}, nil
	default:
		return nil, &apiError{501, "UNIMPLEMENTED", in.ID + " is not emulated", nil}
	}
}

func (s *Server) get(in *request) (any, *apiError) {
	found := s.resources[in.key()]
	if found == nil {
		return nil, notFound(fmt.Sprintf("%s %s", in.ID, in.name))
	}
	return found, nil
}

// list returns the resources directly below the request's path, in the response's list.
func (s *Server) list(in *request) any {
	items := []any{}
	for _, key := range slices.Sorted(maps.Keys(s.resources)) {
		if path.Dir(key) == in.key() {
			items = append(items, s.resources[key])
		}
	}
	for name, p := range in.api.schemas[in.method.Response.Ref].Properties {
		if p.Type == "array" && p.Items.Ref != "" {
			return map[string]any{name: items}
		}
	}
	return map[string]any{"items": items}
}

// create stores the body under the ID in the query or in the body.
func (s *Server) create(in *request) (any, *apiError) {
	id := ""
	for name, values := range in.URL.Query() {
		if strings.HasSuffix(name, "Id") {
			id = values[0]
		}
	}
	if name, ok := in.body["name"].(string); ok && id == "" {
		id = path.Base(name)
	}
	if id == "" {
		s.n++
		id = fmt.Sprint(1000 + s.n)
	}
	key := in.key() + "/" + id
	if s.resources[key] != nil {
		return nil, &apiError{409, "ALREADY_EXISTS", fmt.Sprintf("Resource %s already exists.", id), nil}
	}
	made := maps.Clone(in.body)
	if made == nil {
		made = map[string]any{}
	}
	if !strings.HasPrefix(in.host, "storage.") && !strings.HasPrefix(in.host, "logging.") {
		made["name"] = strings.TrimPrefix(key, in.host+"/")
	}
	made["createTime"] = now()
	s.resources[key] = made
	return s.result(in, made), nil
}

// result wraps what a method made in an operation, if the method returns one.
func (s *Server) result(in *request, made map[string]any) any {
	if !strings.HasSuffix(in.method.Response.Ref, "Operation") {
		return made
	}
	s.n++
	parent, _, _ := strings.Cut(in.name, "/locations/")
	name := fmt.Sprintf("%s/operations/op%d", parent, s.n)
	if host, _, _ := strings.Cut(in.host, "."); host == "serviceusage" {
		name = fmt.Sprintf("operations/op%d", s.n)
	} else if _, location, ok := strings.Cut(in.name, "/locations/"); ok {
		location, _, _ = strings.Cut(location, "/")
		name = fmt.Sprintf("%s/locations/%s/operations/op%d", parent, location, s.n)
	}
	operation := map[string]any{"name": name, "done": true, "response": made}
	if in.host == "firestore.googleapis.com" {
		database := strings.Join(strings.Split(in.name+"/x/x/x", "/")[:4], "/")
		operation["name"] = fmt.Sprintf("%s/operations/op%d", database, s.n)
	}
	s.resources[in.host+"/"+operation["name"].(string)] = operation
	return operation
}

// patch merges the body into what is stored.
func (s *Server) patch(in *request) (any, *apiError) {
	found := s.resources[in.key()]
	if found == nil {
		return nil, notFound(in.name)
	}
	maps.Copy(found, in.body)
	return s.result(in, found), nil
}

func (s *Server) remove(in *request) (any, *apiError) {
	if s.resources[in.key()] == nil {
		return nil, notFound(in.name)
	}
	for key := range s.resources {
		if key == in.key() || strings.HasPrefix(key, in.key()+"/") {
			delete(s.resources, key)
			delete(s.policies, key)
		}
	}
	return s.result(in, map[string]any{}), nil
}

func (s *Server) policy(key string) map[string]any {
	if s.policies[key] == nil {
		s.policies[key] = map[string]any{"version": 1, "etag": "ACAB"}
	}
	return s.policies[key]
}

// setPolicy replaces a policy, unless it was changed since it was read.
func (s *Server) setPolicy(in *request) (any, *apiError) {
	wanted, _ := in.body["policy"].(map[string]any)
	if wanted == nil {
		wanted = in.body // of Cloud Storage
	}
	if etag, ok := wanted["etag"]; ok && etag != s.policy(in.key())["etag"] {
		return nil, &apiError{409, "ABORTED", "There were concurrent policy changes. Please retry the whole " +
			"read-modify-write with exponential backoff.", nil}
	}
	s.n++
	wanted["etag"] = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "policy %d", s.n))
	s.policies[in.key()] = wanted
	return wanted, nil
}

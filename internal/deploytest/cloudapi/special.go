package cloudapi

import (
	"cmp"
	"crypto/md5" //nolint:gosec // Cloud Storage uses it
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"maps"
	"path"
	"slices"
	"strings"
)

// specials answers the methods whose resources are not like most, by the method's ID.
var specials = map[string]func(*Server, *request) (any, *apiError){
	"cloudresourcemanager.projects.get": func(s *Server, in *request) (any, *apiError) {
		if s.resources[in.key()] == nil { // the same answer for a project that isn't there
			return nil, &apiError{403, "PERMISSION_DENIED", "The caller does not have permission", nil}
		}
		return s.get(in)
	},
	"serviceusage.services.batchEnable": (*Server).enable,
	"serviceusage.services.enable": func(s *Server, in *request) (any, *apiError) {
		in.body = map[string]any{"serviceIds": []any{path.Base(in.name)}}
		in.name = path.Dir(in.name)
		return s.enable(in)
	},
	"serviceusage.operations.get": (*Server).get,
	"iam.projects.serviceAccounts.create": func(s *Server, in *request) (any, *apiError) {
		project, id := strings.Split(in.name, "/")[1], in.body["accountId"].(string)
		email := id + "@" + project + ".iam.gserviceaccount.com"
		return s.put(in, "projects/"+project+"/serviceAccounts/"+email, map[string]any{
			"email": email, "projectId": project, "uniqueId": fmt.Sprint(100_000_000_000_000_000 + s.n),
			"name": "projects/" + project + "/serviceAccounts/" + email,
		})
	},
	"iam.projects.serviceAccounts.get": func(s *Server, in *request) (any, *apiError) {
		in.name = s.accountName(in.name)
		if s.resources[in.key()] == nil {
			return nil, &apiError{404, "NOT_FOUND", "Unknown service account", nil}
		}
		return s.get(in)
	},
	"iam.projects.serviceAccounts.delete": func(s *Server, in *request) (any, *apiError) {
		in.name = s.accountName(in.name)
		return s.remove(in)
	},
	"iam.projects.serviceAccounts.getIamPolicy": func(s *Server, in *request) (any, *apiError) {
		in.name = s.accountName(in.name)
		return s.policy(in.key()), nil
	},
	"iam.projects.serviceAccounts.setIamPolicy": func(s *Server, in *request) (any, *apiError) {
		in.name = s.accountName(in.name)
		return s.setPolicy(in)
	},
	"secretmanager.projects.secrets.addVersion":      (*Server).addVersion,
	"secretmanager.projects.secrets.versions.list":   (*Server).versions,
	"secretmanager.projects.secrets.versions.access": (*Server).accessVersion,
	"storage.buckets.getStorageLayout": func(*Server, *request) (any, *apiError) {
		return map[string]any{"hierarchicalNamespace": map[string]any{"enabled": false}}, nil
	},
	"storage.objects.insert": (*Server).insertObject,
	"storage.buckets.getIamPolicy": func(s *Server, in *request) (any, *apiError) {
		in.name = path.Dir(in.name)
		return s.policy(in.key()), nil
	},
	"storage.buckets.setIamPolicy": func(s *Server, in *request) (any, *apiError) {
		in.name = path.Dir(in.name)
		return s.setPolicy(in)
	},
	"storage.buckets.insert": func(s *Server, in *request) (any, *apiError) {
		name := in.body["name"].(string)
		made := maps.Clone(in.body)
		maps.Copy(made, map[string]any{"id": name, "kind": "storage#bucket", "projectNumber": "123456789012"})
		return s.put(in, "b/"+name, made)
	},
	"firestore.projects.databases.collectionGroups.fields.patch": func(s *Server, in *request) (any, *apiError) {
		made := maps.Clone(in.body)
		made["name"] = in.name
		if made["ttlConfig"] != nil {
			object(made, "ttlConfig")["state"] = "CREATING"
		}
		if s.resources[in.key()] != nil {
			maps.Copy(s.resources[in.key()], made)
		} else {
			s.resources[in.key()] = made
		}
		return s.result(in, s.resources[in.key()]), nil
	},
	"firestore.projects.databases.collectionGroups.fields.list": (*Server).fields,
	"cloudbuild.projects.locations.builds.create":               (*Server).build,
	"cloudscheduler.projects.locations.jobs.create": func(s *Server, in *request) (any, *apiError) {
		in.body["state"] = "ENABLED"
		return s.create(in)
	},
	"cloudbuild.projects.locations.triggers.create": func(s *Server, in *request) (any, *apiError) {
		made := maps.Clone(in.body)
		name := in.name + "/" + made["name"].(string)
		maps.Copy(made, map[string]any{"id": "00000000-0000-4000-8000-000000000001", "resourceName": name})
		return s.put(in, name, made)
	},
	"run.projects.locations.builds.submit":         (*Server).submit,
	"run.namespaces.services.create":               (*Server).createService,
	"run.namespaces.services.replaceService":       (*Server).replaceService,
	"run.namespaces.services.delete":               (*Server).deleteService,
	"run.projects.locations.services.getIamPolicy": (*Server).servicePolicy,
	"run.projects.locations.services.setIamPolicy": (*Server).servicePolicy,
}

// put stores what a method creates under a name.
func (s *Server) put(in *request, name string, made map[string]any) (any, *apiError) {
	key := in.host + "/" + name
	if s.resources[key] != nil {
		return nil, &apiError{409, "ALREADY_EXISTS", name + " already exists.", nil}
	}
	s.n++
	made["createTime"] = now()
	if in.host == "storage.googleapis.com" {
		delete(made, "createTime")
		made["timeCreated"], made["metageneration"] = now(), "1"
	}
	if in.host == "iam.googleapis.com" {
		delete(made, "createTime")
	}
	s.resources[key] = made
	return s.result(in, made), nil
}

func (s *Server) enable(in *request) (any, *apiError) {
	for _, id := range in.body["serviceIds"].([]any) {
		name := in.name + "/" + id.(string)
		s.resources[in.host+"/"+name] = map[string]any{
			"name": name, "state": "ENABLED", "config": map[string]any{"name": id},
		}
	}
	return s.result(in, map[string]any{}), nil
}

// accountName replaces the - for any project.
func (s *Server) accountName(name string) string {
	email := path.Base(name)
	_, domain, _ := strings.Cut(email, "@")
	project, _, _ := strings.Cut(domain, ".")
	return "projects/" + project + "/serviceAccounts/" + email
}

func (s *Server) addVersion(in *request) (any, *apiError) {
	if s.resources[in.key()] == nil {
		return nil, notFound("Secret [" + in.name + "]")
	}
	data, _ := in.body["payload"].(map[string]any)["data"].(string)
	text, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		text, err = base64.URLEncoding.DecodeString(data)
	}
	if err != nil {
		return nil, invalid("payload: %v", err)
	}
	n := 1
	for s.resources[fmt.Sprintf("%s/versions/%d", in.key(), n)] != nil {
		n++
	}
	name := fmt.Sprintf("%s/versions/%d", in.name, n)
	s.contents[name] = text
	_, checked := in.body["payload"].(map[string]any)["dataCrc32c"]
	return s.put(in, name, map[string]any{
		"name": name, "state": "ENABLED", "clientSpecifiedPayloadChecksum": checked,
	})
}

// versions lists the versions of a secret, newest first, by the filter state:ENABLED or none.
func (s *Server) versions(in *request) (any, *apiError) {
	secret := strings.TrimSuffix(in.key(), "/versions")
	if s.resources[secret] == nil {
		return nil, notFound("Secret [" + in.name + "]")
	}
	out := []any{}
	for n := 1; s.resources[fmt.Sprintf("%s/%d", in.key(), n)] != nil; n++ {
		out = slices.Insert(out, 0, any(s.resources[fmt.Sprintf("%s/%d", in.key(), n)]))
	}
	return map[string]any{"versions": out}, nil
}

func (s *Server) accessVersion(in *request) (any, *apiError) {
	list := path.Dir(in.name)
	if path.Base(in.name) == "latest" {
		n := 0
		for s.resources[fmt.Sprintf("%s/%s/%d", in.host, list, n+1)] != nil {
			n++
		}
		in.name = fmt.Sprintf("%s/%d", list, n)
	}
	found := s.resources[in.key()]
	switch {
	case found == nil:
		return nil, notFound("Secret Version [" + in.name + "]")
	case found["state"] != "ENABLED":
		return nil, &apiError{400, "FAILED_PRECONDITION", "Secret Version [" + in.name + "] is in " +
			found["state"].(string) + " state.", nil}
	}
	return map[string]any{"name": in.name, "payload": map[string]any{
		"data":       base64.StdEncoding.EncodeToString(s.contents[in.name]),
		"dataCrc32c": fmt.Sprint(crc32.Checksum(s.contents[in.name], crc32.MakeTable(crc32.Castagnoli))),
	}}, nil
}

// insertObject stores an object that is uploaded in one request.
func (s *Server) insertObject(in *request) (any, *apiError) {
	query := in.URL.Query()
	bucket := strings.Split(in.name, "/")[1]
	name, _ := in.body["name"].(string)
	name = cmp.Or(query.Get("name"), name)
	text := in.raw
	if query.Get("uploadType") == "resumable" && in.verb == "" {
		s.n++
		in.verb = fmt.Sprint("upload", s.n)
		s.uploads[in.verb] = in
		return in, nil
	}
	if query.Get("uploadType") == "multipart" {
		metadata, content, err := multipartParts(in.Header.Get("Content-Type"), in.raw)
		if err != nil {
			return nil, invalid("%v", err)
		}
		name, text = metadata.Name, content
	}
	if s.resources["storage.googleapis.com/b/"+bucket] == nil {
		return nil, &apiError{404, "NOT_FOUND", "The specified bucket does not exist.", nil}
	}
	key := "b/" + bucket + "/o/" + name
	if query.Get("ifGenerationMatch") == "0" && s.resources[in.host+"/"+key] != nil {
		return nil, &apiError{
			412, "FAILED_PRECONDITION", "At least one of the pre-conditions you specified did not hold.", nil,
		}
	}
	delete(s.resources, in.host+"/"+key)
	s.contents[key] = text
	s.n++
	sum := md5.Sum(text) //nolint:gosec // Cloud Storage uses it
	return s.put(in, key, map[string]any{
		"md5Hash": base64.StdEncoding.EncodeToString(sum[:]),
		"bucket":  bucket, "name": name, "generation": fmt.Sprint(1000 + s.n), "size": fmt.Sprint(len(text)),
		"kind": "storage#object", "id": bucket + "/" + name,
	})
}

// finishUpload stores the content of a resumable upload.
func (s *Server) finishUpload(id string, text []byte) (any, *apiError) {
	in := s.uploads[id]
	if in == nil {
		return nil, notFound("upload " + id)
	}
	delete(s.uploads, id)
	in.raw = text
	return s.insertObject(in)
}

// fields lists the fields of a collection group that have settings of their own.
func (s *Server) fields(in *request) (any, *apiError) {
	filter := in.URL.Query().Get("filter")
	out := []any{}
	for _, key := range slices.Sorted(maps.Keys(s.resources)) {
		f := s.resources[key]
		_, ttl := f["ttlConfig"]
		_, indexes := f["indexConfig"]
		if path.Dir(key) == in.key() && (ttl && strings.Contains(filter, "ttlConfig") ||
			indexes && !strings.Contains(filter, "ttlConfig")) {
			out = append(out, f)
		}
	}
	return map[string]any{"fields": out}, nil
}

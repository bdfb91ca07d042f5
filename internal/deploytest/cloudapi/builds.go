package cloudapi

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"strings"
)

// build stores a build that has succeeded.
func (s *Server) build(in *request) (any, *apiError) {
	made := s.built(in.name, in.body)
	operation := s.result(in, made).(map[string]any)
	operation["metadata"] = metadataOf(made)
	return operation, nil
}

// submit stores a build from source that has succeeded.
func (s *Server) submit(in *request) (any, *apiError) {
	image := in.body["imageUri"].(string)
	s.push(image+":latest", fmt.Sprint("build ", s.n))
	made := s.built(in.name, in.body)
	made["results"] = map[string]any{"images": []any{map[string]any{"name": image, "digest": digestOf(made["id"])}}}
	name := fmt.Sprintf("%s/operations/%s", strings.TrimSuffix(in.name, "/builds"), made["id"])
	operation := map[string]any{"name": name, "done": true, "response": made, "metadata": metadataOf(made)}
	s.resources["cloudbuild.googleapis.com/"+name] = operation
	return map[string]any{"buildOperation": operation}, nil
}

// built stores a build, and the image that it pushes.
func (s *Server) built(parent string, body map[string]any) map[string]any {
	s.n++
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", s.n)
	made := maps.Clone(body)
	maps.Copy(made, map[string]any{
		"id": id, "name": parent + "/" + id, "status": "SUCCESS", "createTime": now(), "startTime": now(),
		"finishTime": now(), "projectId": strings.Split(parent, "/")[1],
	})
	s.resources["cloudbuild.googleapis.com/"+parent+"/"+id] = made
	if substitutions, _ := body["substitutions"].(map[string]any); substitutions["_IMAGE"] != nil {
		s.push(substitutions["_IMAGE"].(string), id)
	}
	return made
}

func metadataOf(build map[string]any) map[string]any {
	return map[string]any{
		"@type": "type.googleapis.com/google.devtools.cloudbuild.v1.BuildOperationMetadata", "build": build,
	}
}

func digestOf(content any) string {
	return fmt.Sprintf("sha256:%x", sha256.Sum256(fmt.Append(nil, content)))
}

// Push stores an image, such as europe-west1-docker.pkg.dev/p/deputy/deputy:x. A tag moves to the new content.
func (s *Server) Push(image, content string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.push(image, content)
}

func (s *Server) push(image, content string) {
	name, tag, _ := strings.Cut(image, ":")
	parts := strings.Split(name, "/") // host, project, repository, package
	location := strings.TrimSuffix(parts[0], "-docker.pkg.dev")
	folder := fmt.Sprintf("projects/%s/locations/%s/repositories/%s/packages/%s",
		parts[1], location, parts[2], strings.Join(parts[3:], "%2F"))
	digest := digestOf(content)
	s.resources["artifactregistry.googleapis.com/"+folder+"/tags/"+tag] = map[string]any{
		"name": folder + "/tags/" + tag, "version": folder + "/versions/" + digest,
	}
}

package main

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// annotations returns the annotations of a secret as gcloud flattens them.
func (s *state) annotations(secret string) string {
	var lines []string
	for _, name := range s.names("annotation " + secret + " ") {
		lines = append(lines, "annotations."+strings.TrimPrefix(name, "annotation "+secret+" ")+":  "+s.Things[name])
	}
	return strings.Join(lines, "\n")
}

// annotate sets the annotations of a secret that updates names, as ^|^a=b|c=d, and removes others.
func (s *state) annotate(secret, updates, removals string) {
	for _, annotation := range strings.Split(strings.TrimPrefix(updates, "^|^"), "|") {
		if name, value, ok := strings.Cut(annotation, "="); ok {
			s.Things["annotation "+secret+" "+name] = value
		}
	}
	for _, name := range strings.Split(removals, ",") {
		delete(s.Things, "annotation "+secret+" "+name)
	}
}

// accounts returns the addresses of the service accounts.
func (s *state) accounts() string {
	return strings.ReplaceAll(strings.Join(s.names("iam service-accounts "), "\n"), "iam service-accounts ", "")
}

// newestVersion returns the number of a secret's newest version, or "".
func (s *state) newestVersion(secret string) string {
	if versions := s.Lists["secret "+secret]; len(versions) > 0 {
		return strconv.Itoa(len(versions))
	}
	return ""
}

// image returns the digest of an image by a filter that names its tag. Images of deploy.sh exist when they were built.
func (s *state) image(name, filter string) string {
	_, tag, _ := strings.Cut(filter, "=")
	tag = name + ":" + strings.Trim(tag, `"`)
	if strings.Contains(tag, ":src-") && s.Things["artifacts docker images "+tag] == "" {
		return ""
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(tag)))
}

// builds returns the ongoing builds.
func (s *state) builds() string {
	builds := s.Lists["builds"]
	if build, ok := strings.CutPrefix(builds[0], "2x"); ok { // ends after two lists
		builds = slices.Concat([]string{build}, builds[1:])
		s.Lists["builds"] = slices.Concat([]string{"1x" + build}, builds[1:])
	} else if build, ok := strings.CutPrefix(builds[0], "1x"); ok {
		builds = slices.Concat([]string{build}, builds[1:])
		s.Lists["builds"] = builds[1:]
	}
	return strings.Join(builds, "\n")
}

package main

import (
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

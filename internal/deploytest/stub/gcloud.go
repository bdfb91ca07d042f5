package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
)

// call is one of gcloud's: words, and flags by name.
type call []string

func (c call) words() []string {
	return slices.DeleteFunc(slices.Clone(c), func(w string) bool { return strings.HasPrefix(w, "--") })
}

func (c call) flag(name string) string {
	for _, w := range c {
		if value, ok := strings.CutPrefix(w, "--"+name+"="); ok {
			return value
		}
	}
	return ""
}

// gcloud answers one call; ok is false for what is not found.
func (s *state) gcloud(c call) (out string, ok bool) {
	w := c.words()
	verb := func(n int) string { return strings.Join(w[:min(n, len(w))], " ") }
	last := w[len(w)-1]
	if i := slices.Index(w, "get-iam-policy"); i > 0 {
		role, member, _ := strings.Cut(strings.TrimPrefix(c.flag("filter"), "bindings.role="), " AND bindings.members=")
		if _, there := s.Things[strings.Join(w[:i], " ")+" "+last+" "+member+" "+role]; there {
			return role, true
		}
		return "", true
	}
	switch {
	case verb(2) == "projects describe":
		return "123456789012", true
	case verb(2) == "services list":
		return strings.Join(s.names("api "), "\n"), true
	case verb(4) == "firestore fields ttls list":
		return strings.Join(s.names("ttl "+c.flag("collection-group")), "\n"), true
	case verb(4) == "firestore indexes fields list":
		return strings.Join(s.names("index collectionGroups/"+c.flag("collection-group")+"/"), "\n"), true
	case verb(3) == "secrets versions list":
		if versions := s.Lists["secret "+last]; len(versions) > 0 {
			return strconv.Itoa(len(versions)), true
		}
		return "", true
	case verb(3) == "secrets versions access":
		versions := s.Lists["secret "+c.flag("secret")]
		if len(versions) == 0 {
			return "Secret Version not found", false
		}
		return versions[len(versions)-1], true
	case verb(3) == "logging sinks describe":
		return strings.Join(s.names("exclusion "), ";"), true
	case verb(4) == "alpha monitoring policies list":
		return s.Things["policy "+strings.Trim(strings.TrimPrefix(c.flag("filter"), "displayName="), `"`)], true
	case verb(3) == "run revisions list":
		return strings.Join(s.Lists["service "+c.flag("service")], "\n"), true
	case verb(3) == "run services describe":
		settings, there := s.Things["run services "+last]
		switch format := c.flag("format"); {
		case strings.Contains(format, "traffic"):
			lines := []string{"100," + s.Things["latest "+last] + "," + s.Things["traffic "+last] + ","}
			for _, tag := range s.names("tag " + last + " ") {
				tag = strings.TrimPrefix(tag, "tag "+last+" ")
				lines = append(lines, ",,"+s.Things["tag "+last+" "+tag]+","+tag)
			}
			return strings.Join(lines, "\n"), there
		case strings.Contains(format, "containers.env"):
			lines := []string{"KEYSET,"}
			for _, name := range s.names("env " + last + " ") {
				name = strings.TrimPrefix(name, "env "+last+" ")
				lines = append(lines, name+","+s.Things["env "+last+" "+name])
			}
			return strings.Join(lines, "\n"), there
		}
		created := ""
		if all := s.Lists["service "+last]; len(all) > 0 {
			created = all[0]
		}
		return settings + "," + s.Things["ready "+last] + "," + created, there
	case verb(4) == "scheduler jobs describe deputy-sweep":
		value, there := s.Things["scheduler jobs deputy-sweep"]
		return value, there
	case slices.Contains(w, "describe"):
		name := last
		if name == "describe" {
			name = c.flag("database")
		}
		value, there := s.Things[strings.Join(w[:slices.Index(w, "describe")], " ")+" "+name]
		return value, there
	}
	s.change(c, w, verb)
	return "", true
}

// names are the names of all things of a kind.
func (s *state) names(kind string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(s.Things)) {
		if rest, ok := strings.CutPrefix(name, kind); ok {
			out = append(out, strings.TrimPrefix(kind, "index ")+rest)
		}
	}
	if strings.HasPrefix(kind, "api ") || strings.HasPrefix(kind, "exclusion ") {
		for i := range out {
			_, out[i], _ = strings.Cut(out[i], " ")
		}
	}
	return out
}

// change makes something; the one that STUB_FAIL counts fails, and makes
// nothing.
func (s *state) change(c call, w []string, verb func(int) string) {
	s.Changes++
	if os.Getenv("STUB_FAIL") == strconv.Itoa(s.Changes) {
		s.save(os.Getenv("STUB"))
		fmt.Fprintln(os.Stderr, "ERROR: (gcloud) PERMISSION_DENIED: switched on")
		os.Exit(1)
	}
	last := w[len(w)-1]
	make := func(name, value string) {
		if _, there := s.Things[name]; there {
			fmt.Fprintln(os.Stderr, "ERROR: (gcloud) ALREADY_EXISTS: "+name)
			os.Exit(1)
		}
		s.Things[name] = value
	}
	switch {
	case slices.Contains(w, "add-iam-policy-binding"):
		make(strings.Join(w[:slices.Index(w, "add-iam-policy-binding")], " ")+" "+last+" "+c.flag("member")+" "+c.flag("role"), "bound")
	case verb(2) == "services enable":
		for _, api := range w[2:] {
			make("api "+api, "on")
		}
	case verb(3) == "iam service-accounts create":
		make("iam service-accounts "+last+"@"+c.flag("project")+".iam.gserviceaccount.com", "account")
	case verb(3) == "firestore databases create":
		make("firestore databases "+c.flag("database"), "database")
	case verb(4) == "firestore fields ttls update":
		make("ttl "+c.flag("collection-group"), "on")
	case verb(4) == "firestore indexes fields update":
		make("index collectionGroups/"+c.flag("collection-group")+"/fields/"+last, "set")
	case verb(3) == "secrets versions add":
		text, err := io.ReadAll(os.Stdin)
		if file := c.flag("data-file"); file != "-" {
			text, err = os.ReadFile(file) //nolint:gosec // the test names it
		}
		check(err)
		s.Lists["secret "+last] = append(s.Lists["secret "+last], strings.TrimSpace(string(text)))
	case verb(3) == "logging sinks update":
		name, _, _ := strings.Cut(strings.TrimPrefix(c.flag("add-exclusion"), "name="), ",")
		make("exclusion "+name, "on")
	case verb(4) == "alpha monitoring policies create":
		text, err := os.ReadFile(c.flag("policy-from-file")) //nolint:gosec // of this repository
		check(err)
		var p struct{ DisplayName string }
		check(json.Unmarshal(text, &p))
		make("policy "+p.DisplayName, "projects/p/alertPolicies/1")
	case verb(2) == "builds submit":
		make("artifacts docker images "+strings.TrimPrefix(c.flag("substitutions"), "_IMAGE="), "image")
	case verb(3) == "builds triggers create":
		make("builds triggers "+c.flag("name"), "trigger")
	case verb(2) == "run deploy":
		revision := fmt.Sprintf("%s-%05d", last, len(s.Lists["service "+last])+1)
		s.Lists["service "+last] = append([]string{revision}, s.Lists["service "+last]...)
		_, settings, _ := strings.Cut(c.flag("labels"), "deputy-settings=")
		_, there := s.Things["run services "+last]
		s.Things["run services "+last] = settings
		for _, v := range strings.Split(strings.TrimPrefix(c.flag("update-env-vars"), "^|^"), "|") {
			name, value, _ := strings.Cut(v, "=")
			s.Things["env "+last+" "+name] = value
		}
		if os.Getenv("STUB_UNREADY") == last { // its probe fails: stored it is all the same
			s.save(os.Getenv("STUB"))
			fmt.Fprintln(os.Stderr, "ERROR: (gcloud) the revision is not ready")
			os.Exit(1)
		}
		s.Things["ready "+last] = revision
		if !there || s.Things["latest "+last] == "True" && !slices.Contains(c, "--no-traffic") {
			s.Things["traffic "+last], s.Things["latest "+last] = revision, "True"
		}
		if slices.Contains(c, "--no-traffic") {
			s.Things["latest "+last] = ""
		}
		if tag := c.flag("tag"); tag != "" {
			s.Things["tag "+last+" "+tag] = revision
		}
	case verb(3) == "run services update-traffic":
		if tags := c.flag("remove-tags"); tags != "" {
			for _, tag := range strings.Split(tags, ",") {
				delete(s.Things, "tag "+last+" "+tag)
			}
			break
		}
		to, newest := s.Things["ready "+last], "True"
		if !slices.Contains(c, "--to-latest") {
			newest = ""
		}
		if tag, _, ok := strings.Cut(c.flag("to-tags"), "="); ok {
			to = s.Things["tag "+last+" "+tag]
		} else if revision, _, ok := strings.Cut(c.flag("to-revisions"), "="); ok {
			to = revision
		}
		if tag, revision, ok := strings.Cut(c.flag("update-tags"), "="); ok {
			s.Things["tag "+last+" "+tag] = revision
		}
		s.Things["traffic "+last], s.Things["latest "+last] = to, newest
	case verb(3) == "scheduler jobs create" || verb(3) == "scheduler jobs update":
		s.Things["scheduler jobs deputy-sweep"] = c.flag("uri") + "," + c.flag("oidc-token-audience")
	case slices.Contains(w, "create"):
		make(strings.Join(w[:slices.Index(w, "create")], " ")+" "+last, "made")
	default:
		check(fmt.Errorf("nobody plays gcloud %s", strings.Join(w, " ")))
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// call is the arguments of a gcloud call: words and flags.
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

// gcloud runs one call. ok is false if something is not found.
func (s *state) gcloud(c call) (out string, ok bool) {
	w := c.words()
	verb := func(n int) string { return strings.Join(w[:min(n, len(w))], " ") }
	last := w[len(w)-1]
	if i := slices.Index(w, "get-iam-policy"); i > 0 {
		resource := strings.Join(w[:i], " ") + " " + w[i+1] + " "
		if _, member, ok := strings.Cut(c.flag("filter"), " AND bindings.members="); ok { // invokers of a service
			_, exists := s.Things[resource+member+" roles/run.invoker"]
			return map[bool]string{true: "roles/run.invoker"}[exists], true
		}
		var lines []string
		for _, name := range s.names(resource) {
			if binding, ok := strings.CutPrefix(s.Things[name], "bound\t"); ok {
				lines = append(lines, binding)
			}
		}
		return strings.Join(lines, "\n"), true
	}
	switch {
	case verb(2) == "projects describe":
		return "123456789012", true
	case verb(2) == "services list":
		return strings.Join(s.names("api "), "\n"), true
	case verb(3) == "iam service-accounts list":
		return s.accounts(), true
	case verb(4) == "firestore fields ttls list":
		return strings.Join(s.names("ttl "+c.flag("collection-group")), "\n"), true
	case verb(4) == "firestore indexes fields list":
		return strings.Join(s.names("index collectionGroups/"+c.flag("collection-group")+"/"), "\n"), true
	case verb(3) == "secrets versions list":
		return s.newestVersion(last), true
	case verb(3) == "secrets versions access":
		versions := s.Lists["secret "+c.flag("secret")]
		if len(versions) == 0 {
			return "Secret Version not found", false
		}
		return versions[len(versions)-1], true
	case verb(2) == "secrets describe" && strings.HasPrefix(c.flag("format"), "flattened"):
		_, exists := s.Things["secrets "+last]
		return s.annotations(last), exists
	case verb(3) == "logging sinks describe":
		var lines []string
		for _, name := range s.names("exclusion ") {
			lines = append(lines, strings.TrimPrefix(name, "exclusion ")+"\t"+s.Things[name]+"\tFalse")
		}
		return strings.Join(lines, "\n"), true
	case verb(3) == "storage buckets describe":
		value, exists := s.Things["storage buckets "+last]
		return value, exists
	case verb(3) == "storage objects describe":
		if s.Lists["object "+last] == nil {
			return "The following URLs matched no objects or files:\n" + last, false
		}
		return strconv.Itoa(len(s.Lists["object "+last])), true
	case verb(2) == "builds list":
		return s.builds(), true
	case verb(4) == "artifacts repositories describe deputy" && strings.Contains(c.flag("format"), "labels"):
		label, exists := s.Things["label deputy-infra"]
		return label, exists || s.Things["artifacts repositories deputy"] != ""
	case verb(3) == "run revisions describe":
		value, exists := s.Things["revision "+last]
		return value, exists
	case verb(4) == "artifacts docker tags list":
		return s.image(last, c.flag("filter")), true
	case verb(4) == "alpha monitoring policies list":
		return s.Things["policy "+strings.Trim(strings.TrimPrefix(c.flag("filter"), "displayName="), `"`)], true
	case verb(3) == "run services describe":
		settings, exists := s.Things["run services "+last]
		switch format := c.flag("format"); {
		case strings.Contains(format, "traffic"):
			lines := []string{"100," + s.Things["latest "+last] + "," + s.Things["traffic "+last] + ","}
			for _, tag := range s.names("tag " + last + " ") {
				tag = strings.TrimPrefix(tag, "tag "+last+" ")
				lines = append(lines, ",,"+s.Things["tag "+last+" "+tag]+","+tag)
			}
			return strings.Join(lines, "\n"), exists
		case strings.Contains(format, "containers.env"):
			lines := []string{"KEYSET\t"}
			for _, name := range s.names("env " + last + " ") {
				name = strings.TrimPrefix(name, "env "+last+" ")
				lines = append(lines, name+"\t"+s.Things["env "+last+" "+name])
			}
			return strings.Join(lines, "\n"), exists
		case strings.Contains(c.flag("format"), "invoker-iam-disabled"):
			return s.Things["open "+last], exists
		case c.flag("format") == "value(metadata.name)":
			return last, exists
		}
		created := ""
		if all := s.Lists["service "+last]; len(all) > 0 {
			created = all[0]
		}
		return settings + "," + s.Things["ready "+last] + "," + created, exists
	case verb(4) == "scheduler jobs describe deputy-sweep":
		value, exists := s.Things["scheduler jobs deputy-sweep"]
		return value, exists
	case slices.Contains(w, "describe"):
		name := last
		if name == "describe" {
			name = c.flag("database")
		}
		value, exists := s.Things[strings.Join(w[:slices.Index(w, "describe")], " ")+" "+name]
		return value, exists
	}
	s.change(c, w, verb)
	return "", true
}

// change applies a change. The change number STUB_FAIL fails without effect.
func (s *state) change(c call, w []string, verb func(int) string) {
	s.Changes++
	if os.Getenv("STUB_FAIL") == strconv.Itoa(s.Changes) {
		s.save(os.Getenv("STUB"))
		fmt.Fprintln(os.Stderr, "ERROR: (gcloud) PERMISSION_DENIED: STUB_FAIL")
		os.Exit(1)
	}
	last := w[len(w)-1]
	create := func(name, value string) {
		if _, exists := s.Things[name]; exists {
			fmt.Fprintln(os.Stderr, "ERROR: (gcloud) ALREADY_EXISTS: "+name)
			os.Exit(1)
		}
		s.Things[name] = value
	}
	switch {
	case slices.Contains(w, "add-iam-policy-binding") || slices.Contains(w, "remove-iam-policy-binding"):
		i := slices.IndexFunc(w, func(word string) bool { return strings.HasSuffix(word, "-iam-policy-binding") })
		if c.flag("member") == "allUsers" && os.Getenv("STUB_POLICY") == "domain" {
			fail("FAILED_PRECONDITION: One or more users named in the policy do not belong to a permitted customer")
		}
		binding := c.flag("role") + "\t" + c.flag("member")
		condition := strings.TrimPrefix(c.flag("condition"), "^~^title=")
		if title, expression, ok := strings.Cut(condition, "~expression="); ok {
			binding += "\t" + title + "\t" + expression
		}
		name := strings.Join(w[:i], " ") + " " + w[i+1] + " " + c.flag("member") + " " + c.flag("role")
		if strings.Contains(binding, "\t"+"Deputy's") {
			name += " on " + binding[strings.LastIndex(binding, "\t")+1:]
		}
		if w[i] == "remove-iam-policy-binding" {
			if s.Things[name] == "" {
				fail("INVALID_ARGUMENT: Policy binding not found: " + name)
			}
			delete(s.Things, name)
		} else {
			create(name, "bound\t"+binding)
		}
	case verb(3) == "storage buckets create":
		create("storage buckets "+last, "None\tTrue\tenforced")
	case verb(3) == "storage buckets update":
		s.Things["storage buckets "+last] = "True\tTrue\tenforced"
	case verb(2) == "storage cp":
		text, err := io.ReadAll(os.Stdin)
		check(err)
		if c.flag("if-generation-match") != strconv.Itoa(len(s.Lists["object "+last])) {
			fail("HTTPError 412: At least one of the pre-conditions you specified did not hold.")
		}
		s.Lists["object "+last] = append(s.Lists["object "+last], string(text))
	case verb(4) == "artifacts repositories update deputy":
		s.Things["label deputy-infra"] = strings.TrimPrefix(c.flag("update-labels"), "deputy-infra=")
	case verb(3) == "run services update":
		s.open(last)
	case verb(2) == "services enable":
		for _, api := range w[2:] {
			create("api "+api, "on")
		}
	case verb(3) == "iam service-accounts create":
		create("iam service-accounts "+last+"@"+c.flag("project")+".iam.gserviceaccount.com", "account")
	case verb(3) == "firestore databases create":
		create("firestore databases "+c.flag("database"), c.flag("location"))
	case verb(4) == "firestore fields ttls update":
		create("ttl "+c.flag("collection-group"), "on")
	case verb(4) == "firestore indexes fields update":
		create("index collectionGroups/"+c.flag("collection-group")+"/fields/"+last, "set")
	case verb(2) == "secrets update":
		s.annotate(last, c.flag("update-annotations"), c.flag("remove-annotations"))
	case verb(3) == "secrets versions add":
		text, err := io.ReadAll(os.Stdin)
		if file := c.flag("data-file"); file != "-" {
			text, err = os.ReadFile(file) //nolint:gosec // path from the test
		}
		check(err)
		s.Lists["secret "+last] = append(s.Lists["secret "+last], strings.TrimSpace(string(text)))
	case verb(3) == "logging sinks update":
		if old := c.flag("remove-exclusions"); old != "" {
			delete(s.Things, "exclusion "+old)
		}
		name, filter, _ := strings.Cut(strings.TrimPrefix(c.flag("add-exclusion"), "name="), ",")
		_, filter, _ = strings.Cut(filter, ",filter=")
		create("exclusion "+name, filter)
	case verb(4) == "alpha monitoring policies create":
		text, err := os.ReadFile(c.flag("policy-from-file")) //nolint:gosec // in this repository
		check(err)
		var p struct{ DisplayName string }
		check(json.Unmarshal(text, &p))
		create("policy "+p.DisplayName, "projects/p/alertPolicies/1")
	case verb(2) == "builds submit":
		create("artifacts docker images "+strings.TrimPrefix(c.flag("substitutions"), "_IMAGE="), "image")
	case verb(3) == "builds triggers create":
		create("builds triggers "+c.flag("name"), "trigger")
	case verb(2) == "run deploy":
		revision := fmt.Sprintf("%s-%05d", last, len(s.Lists["service "+last])+1)
		s.Lists["service "+last] = append([]string{revision}, s.Lists["service "+last]...)
		labels := map[string]string{}
		for _, label := range strings.Split(c.flag("labels"), ",") {
			name, value, _ := strings.Cut(label, "=")
			labels[name] = value
		}
		_, exists := s.Things["run services "+last]
		if slices.Contains(c, "--no-invoker-iam-check") {
			s.open(last)
		}
		s.Things["run services "+last] = labels["deputy-settings"]
		s.Things["revision "+revision] = fmt.Sprintf("2026-11-29T%08d,%s,%s,%s", len(s.names("revision ")),
			labels["deputy-release"], labels["deputy-before"], labels["deputy-push"])
		for _, name := range s.names("env " + last + " ") { // --set-env-vars
			delete(s.Things, name)
		}
		for _, v := range strings.Split(strings.TrimPrefix(c.flag("set-env-vars"), "^|^"), "|") {
			name, value, _ := strings.Cut(v, "=")
			s.Things["env "+last+" "+name] = value
		}
		if os.Getenv("STUB_UNREADY") == last { // its probe fails; the revision exists anyway
			s.save(os.Getenv("STUB"))
			fmt.Fprintln(os.Stderr, "ERROR: (gcloud) the revision is not ready")
			os.Exit(1)
		}
		s.Things["ready "+last] = revision
		if !exists || s.Things["latest "+last] == "True" && !slices.Contains(c, "--no-traffic") {
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
		to, latest := s.Things["ready "+last], "True"
		if !slices.Contains(c, "--to-latest") {
			latest = ""
		}
		if tag, _, ok := strings.Cut(c.flag("to-tags"), "="); ok {
			if to = s.Things["tag "+last+" "+tag]; to == "" {
				fail("There is no revision tagged with [" + tag + "]")
			}
		} else if revision, _, ok := strings.Cut(c.flag("to-revisions"), "="); ok {
			to = revision
		}
		s.Things["traffic "+last], s.Things["latest "+last] = to, latest
	case verb(3) == "scheduler jobs create" || verb(3) == "scheduler jobs update":
		s.Things["scheduler jobs deputy-sweep"] = c.flag("uri") + "," + c.flag("oidc-token-audience")
	case slices.Contains(w, "create"):
		create(strings.Join(w[:slices.Index(w, "create")], " ")+" "+last, "created")
	default:
		check(fmt.Errorf("the stub does not support gcloud %s", strings.Join(w, " ")))
	}
}

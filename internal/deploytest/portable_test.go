package deploytest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// trap is something that Macs lack: they have bash 3.2, Apple's regcomp and BSD's
// tools. bash 3.2 cannot be installed where the tests run, so the scripts are
// read for what is known to break there.
type trap struct {
	name    string
	finds   *regexp.Regexp
	instead string
	bad     []string // lines that have to be found
	good    []string // lines that may stay
}

func finds(pattern string) *regexp.Regexp { return regexp.MustCompile(pattern) }

var traps = []trap{
	{
		"an empty alternative", finds(`(?:=~|\bfits\b|grep\s+-\w*E|sed\s+-\w*[Er]).*(?:\(\||\|\)|'\||\|'|\|\|[^ ]*['")])`), "leave the value out of the test when it is empty: Apple's regcomp refuses it",
		[]string{`fits --only "$only" '|infra|services' "must be"`, `[[ "$a" =~ ^(|x)$ ]]`, `[[ "$a" =~ ^(x|)$ ]]`, `grep -qE '|a' f`, `sed -E 's/(a|)b//'`},
		[]string{`fits --only "$only" 'infra|services' "must be"`, `grep -qiE 'NOT_FOUND|not found' "$errors"`, `IFS='|' read -r a`, `[[ "$a" =~ ^(x|y)$ ]] || exit`},
	},
	{
		"GNU's regular expressions", finds(`\b(?:grep|sed)\b[^|]*\\[|+?bwsdWSDB<>]`), "[[:space:]], [0-9], -E and two expressions are in all of them",
		[]string{`sed 's/a\+//'`, `grep 'a\|b' f`, `sed 's/\s*$//'`, `grep '\bx' f`},
		[]string{`sed 's/[[:space:]]*$//'`, `sed 's/\(.*\)/\1/'`, `grep -E 'a|b' f`},
	},
	{
		"grep -P", finds(`\bgrep\s+(?:-\w+\s+)*(?:-\w*P|--perl)`), "BSD's grep has -E only", []string{`grep -P x f`, `grep -qP x f`}, []string{`grep -q P f`},
	},
	{
		"mapfile", finds(`\b(?:mapfile|readarray)\b`), "while IFS= read -r", []string{`mapfile -t a < f`, `readarray a`}, []string{`read -r a`},
	},
	{
		"an associative array, or another newer kind of variable", finds(`(?:^|[\s;&|(])(?:declare|local|typeset)\s+-\w*[AnglucI]`), "bash 3.2 has arrays by number only",
		[]string{`declare -A a`, `local -n a=b`, `declare -g a`, `local -A a`},
		[]string{`local -a a`, `declare -r a`, `local a=-A`, `go test ./cmd/local -run A`},
	},
	{
		"case by expansion", finds(`\$\{\w+(?:\[[^]]*\])?(?:\^|,)`), "tr '[:upper:]' '[:lower:]'", []string{`${x,,}`, `${x^}`, `${a[0]^^}`}, []string{`${x:-,}`, `${x%%,*}`},
	},
	{
		"a transformation", finds(`\$\{[\w\[\]@*]+@[QEPAaUuLKk]\}`), "printf %q", []string{`${x@Q}`, `${a[@]@Q}`}, []string{`${a[@]}`},
	},
	{
		"a negative index", finds(`\$\{\w+\[\s*-`), "count from the front", []string{`${a[-1]}`}, []string{`${a[$i]}`, `${a[1]:-x}`},
	},
	{
		"sha256sum", finds(`\b(?:sha\d+sum|md5sum)\b`), "digest of deploy/doors.sh", []string{`sha256sum f | cut -c1-16`, `md5sum f`}, []string{`if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c1-16`},
	},
	{
		"sort by what BSD's lacks", finds(`\bsort\s+(?:-\w+\s+)*-\w*[zVRh]`), "names without blanks, by lines", []string{`sort -z`, `LC_ALL=C sort -V`}, []string{`LC_ALL=C sort`, `sort -u`},
	},
	{
		"sed -i", finds(`\bsed\s+(?:-\w+\s+)*(?:-\w*i|--in-place)`), "write another file and move it", []string{`sed -i s/a/b/ f`, `sed -Ei x f`}, []string{`sed -n x f`, `sed 's/-i//' f`},
	},
	{
		"GNU's date", finds(`\bdate\s+.*(?:-d\b|--date|-I|%N|-r\s*\d)`), "date +%s, or leave times to gcloud", []string{`date -d yesterday`, `date -Is`, `date +%s%N`}, []string{`date +%s`},
	},
	{
		"GNU's readlink or realpath", finds(`\breadlink\s+-\w*[fem]|\brealpath\b`), `cd "$(dirname "$0")"`, []string{`readlink -f x`, `realpath x`}, []string{`readlink x`},
	},
	{
		"mktemp without a template", finds(`\bmktemp(?:\s+-d)?\s*(?:\)|$|;|-t|--)`), `mktemp "${TMPDIR:-/tmp}/deputy.XXXXXX"`, []string{`a="$(mktemp)"`, `mktemp -d`, `mktemp --suffix=.go`, `mktemp -t x`}, []string{`mktemp "${TMPDIR:-/tmp}/deputy.XXXXXX"`, `mktemp -d "${TMPDIR:-/tmp}/deputy.XXXXXX"`},
	},
	{
		"GNU's xargs", finds(`\bxargs\s+.*(?:-r\b|-d\b|-a\b|--)`), "look before that there is something", []string{`xargs -r rm`, `xargs -d x`, `xargs --no-run-if-empty rm`}, []string{`xargs -0 cat`, `xargs cat`},
	},
	{
		"base64 -w", finds(`\bbase64\s+.*(?:-w|--)`), "tr -d '\\n'", []string{`base64 -w0`, `base64 --decode`}, []string{`base64 | tr -d x`},
	},
	{
		"find's GNU words", finds(`\bfind\b.*(?:-printf|-regextype|-readable|-executable)|\bfind\s+-`), "-print, and a folder first", []string{`find . -printf %f`, `find -name x`}, []string{`find . -name x -print0`},
	},
	{
		"stat", finds(`\bstat\s+(?:-c|--format|-f)`), "wc -c, or ls", []string{`stat -c %s f`, `stat -f %z f`}, []string{`state -c`},
	},
	{
		"GNU's head, tail, cp, touch or du", finds(`\bhead\s+-n?\s*-\d|\btail\s+--|\bcp\s+(?:--|-\w*t\b)|\btouch\s+(?:-d|--)|\bdu\s+-\w*b|\btac\b|\bnproc\b|\btimeout\s+\d|\bnumfmt\b`), "sed, or do without",
		[]string{`head -n -1 f`, `cp -t a b`, `touch -d x f`, `tac f`, `timeout 5 x`, `nproc`},
		[]string{`head -n 1 f`, `cp a b`, `--timeout="$5"`, `local timeout=5`},
	},
	{
		"a newer word of bash's", finds(`\bwait\s+-[np]|\bcoproc\b|\bshopt\s+-s\s+(?:globstar|lastpipe|inherit_errexit)|\[\[\s+-v\b|\btest\s+-v\b|\bprintf\s+.*%\(|\$\{?(?:BASHPID|EPOCHSECONDS|EPOCHREALTIME|SRANDOM)\b`), "bash 3.2 does not know it",
		[]string{`wait -n`, `coproc x`, `shopt -s globstar`, `[[ -v x ]]`, `printf '%(%s)T'`, `echo $EPOCHSECONDS`, `echo ${BASHPID}`},
		[]string{`wait "$pid"`, `printf '%s (%s)' a b`},
	},
	{
		"a newer redirection or end of a case", finds(`&>>|\|&(?:[^&]|$)|;;?&\s*$|\{\w+\}[<>]`), ">>file 2>&1", []string{`a &>>f`, `a |& b`, `x ;;&`, `x ;&`, `exec {fd}<f`}, []string{`a >>f 2>&1`, `a && b`, `a ;;`, `done 3<<<"$is"`},
	},
	{
		"a fraction of a second for read", finds(`\bread\s+.*-t\s*0?\.`), "sleep", []string{`read -t 0.5 a`}, []string{`read -t 1 a`},
	},
	{
		"$'...' inside an expansion", finds(`\$\{[^}]*\$'`), "$tab, $newline", []string{`"${x%%$'\n'*}"`, `"${3:+$'\t'$3}"`}, []string{`tab=$'\t'`, `"${x%%$newline*}"`},
	},
	{
		"curl's newer options", finds(`\bcurl\b.*--(?:retry-all-errors|fail-with-body|json|variable)`), "a loop", []string{`curl --retry-all-errors x`}, []string{`curl -fsS --max-time 30 x`},
	},
	{
		"echo with options or escapes", finds(`\becho\s+-[neE]`), "printf", []string{`echo -n x`, `echo -e 'a\n'`}, []string{`echo "$x"`},
	},
	{
		"jq, yq or python", finds(`(?:^|[|;&(]\s*)(?:jq|yq|python3?|perl|gsed|ggrep)\s`), "--format of gcloud", []string{`x | jq .a`, `python3 x`}, []string{`echo jq`},
	},
}

var (
	comment   = regexp.MustCompile(`^\s*#.*$|\s#\s.*$`)
	emptyList = regexp.MustCompile(`\b(\w+)=\(\)`)
	someList  = regexp.MustCompile(`"\$\{(\w+)\[@\]\}"`)
	guarded   = regexp.MustCompile(`\$\{(\w+)\[@\]\+"\$\{\w+\[@\]\}"\}`)
	heredoc   = regexp.MustCompile(`<<-?(\w+)\s*$`)
	quoted    = regexp.MustCompile(`\$\([^)]*['\x60]`)
	caseIn    = regexp.MustCompile(`"?\$\([^)]*\bcase\b`)
)

// shellScripts are all that may run on a Mac, by name.
func shellScripts(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "deploy", "*.sh"))
	if err != nil {
		t.Fatal(err)
	}
	scripts := map[string]string{}
	for _, file := range append(files, filepath.Join(root, "deploy.sh"), filepath.Join(root, "test.sh")) {
		text, err := os.ReadFile(file) //nolint:gosec // of this repository
		if err != nil {
			t.Fatal(err)
		}
		scripts[file] = string(text)
	}
	if len(scripts) < 6 {
		t.Errorf("only %d scripts were found", len(scripts))
	}
	return scripts
}

// found tells whether a line has the trap, outside of its comment.
func (t trap) found(line string) bool {
	return t.finds.MatchString(comment.ReplaceAllString(line, "")) && !strings.Contains(line, "else shasum -a 256")
}

func TestTheScriptsHaveNothingThatMacsLack(t *testing.T) {
	t.Parallel()
	for file, text := range shellScripts(t) {
		for i, line := range strings.Split(text, "\n") {
			for _, trap := range traps {
				if trap.found(line) {
					t.Errorf("%s:%d: %s: %s (%s)", file, i+1, trap.name, strings.TrimSpace(line), trap.instead)
				}
			}
		}
		for _, fault := range joined(text) {
			t.Errorf("%s:%s", file, fault)
		}
	}
	all := ""
	for _, text := range shellScripts(t) {
		all += text + "\n"
	}
	for _, name := range unguarded(all) {
		t.Errorf(`"${%s[@]}" may be empty, and bash 3.2 calls that unset: ${%s[@]+"${%s[@]}"}`, name, name, name)
	}
}

func TestEachTrapIsFound(t *testing.T) {
	t.Parallel()
	for _, trap := range traps {
		t.Run(trap.name, func(t *testing.T) {
			t.Parallel()
			for _, line := range trap.bad {
				if !trap.found(line) {
					t.Errorf("%s is not found", line)
				}
			}
			for _, line := range trap.good {
				if trap.found(line) {
					t.Errorf("%s is found, and is fine", line)
				}
			}
		})
	}
}

// unguarded are the lists that are empty somewhere and expanded without a guard.
func unguarded(text string) []string {
	empty := map[string]bool{}
	for _, m := range emptyList.FindAllStringSubmatch(text, -1) {
		empty[m[1]] = true
	}
	var out []string
	for _, m := range someList.FindAllStringSubmatch(guarded.ReplaceAllString(text, ""), -1) {
		if empty[m[1]] {
			out = append(out, m[1])
		}
	}
	return out
}

func TestAnEmptyListIsFound(t *testing.T) {
	t.Parallel()
	if got := unguarded("flags=()\ngcloud x \"${flags[@]}\"\n"); len(got) != 1 || got[0] != "flags" {
		t.Errorf("got %v", got)
	}
	if got := unguarded("flags=()\nnames=(a b)\ngcloud x ${flags[@]+\"${flags[@]}\"} \"${names[@]}\"\n"); got != nil {
		t.Errorf("got %v", got)
	}
}

// joined are places where bash 3.2's parser loses its way: quotes in a
// substitution inside a here-document, and case inside one.
func joined(text string) []string {
	var out []string
	end := ""
	for i, line := range strings.Split(text, "\n") {
		switch m := heredoc.FindStringSubmatch(line); {
		case end != "" && line == end:
			end = ""
		case end != "" && quoted.MatchString(strings.ReplaceAll(line, `\$(`, "")):
			out = append(out, at(i, "quotes in a substitution inside a here-document: "+line))
		case end == "" && m != nil:
			end = m[1]
		}
		if end == "" && caseIn.MatchString(line) {
			out = append(out, at(i, "case inside a substitution: "+line))
		}
	}
	return out
}

func at(i int, what string) string { return fmt.Sprintf("%d: %s", i+1, what) }

func TestWhatConfusesTheOldParserIsFound(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"cat <<TEXT\n$(sed -n 's/x//p' f)\nTEXT\n", "cat <<TEXT\n$(a `b`)\nTEXT\n", "x=\"$(case a in a) ;; esac)\"\n"} {
		if len(joined(text)) != 1 {
			t.Errorf("%s is not found", text)
		}
	}
	for _, text := range []string{"cat <<TEXT\nit's $(url deputy-x)\nTEXT\n", "cat <<'TEXT'\n$(sed 's/x//')\nTEXT\n", "cat <<TEXT\n\\$(a 'b')\nTEXT\n"} {
		if got := joined(text); got != nil {
			t.Errorf("%s: %v", text, got)
		}
	}
}

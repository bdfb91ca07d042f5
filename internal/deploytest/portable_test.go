package deploytest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// trap is a feature that macOS lacks, with its bash 3.2, Apple's regcomp and BSD tools.
// Where the tests run, bash 3.2 cannot be installed, so they search the scripts.
type trap struct {
	name    string
	pattern *regexp.Regexp
	instead string
	bad     []string // lines that must match
	good    []string // lines that must not match
}

var traps = []trap{
	{
		"empty alternative",
		regexp.MustCompile(`(?:=~|\bfits\b|grep\s+-\w*E|sed\s+-\w*[Er]).*(?:\(\||\|\)|'\||\|'|\|\|[^ ]*['")])`),
		"test for an empty value separately: Apple's regcomp rejects it",
		[]string{
			`fits --only "$only" '|infra|services' "must be"`, `[[ "$a" =~ ^(|x)$ ]]`, `[[ "$a" =~ ^(x|)$ ]]`,
			`grep -qE '|a' f`, `sed -E 's/(a|)b//'`,
		},
		[]string{
			`fits --only "$only" 'infra|services' "must be"`, `grep -qiE 'NOT_FOUND|not found' "$errors"`,
			`IFS='|' read -r a`, `[[ "$a" =~ ^(x|y)$ ]] || exit`,
		},
	},
	{
		"GNU regular expressions", regexp.MustCompile(`\b(?:grep|sed)\b[^|]*\\[|+?bwsdWSDB<>]`),
		"[[:space:]], [0-9], -E or two expressions",
		[]string{`sed 's/a\+//'`, `grep 'a\|b' f`, `sed 's/\s*$//'`, `grep '\bx' f`},
		[]string{`sed 's/[[:space:]]*$//'`, `sed 's/\(.*\)/\1/'`, `grep -E 'a|b' f`},
	},
	{
		"grep -P", regexp.MustCompile(`\bgrep\s+(?:-\w+\s+)*(?:-\w*P|--perl)`), "grep -E",
		[]string{`grep -P x f`, `grep -qP x f`},
		[]string{`grep -q P f`},
	},
	{
		"mapfile", regexp.MustCompile(`\b(?:mapfile|readarray)\b`), "while IFS= read -r",
		[]string{`mapfile -t a < f`, `readarray a`},
		[]string{`read -r a`},
	},
	{
		"associative arrays and newer declarations",
		regexp.MustCompile(`(?:^|[\s;&|(])(?:declare|local|typeset)\s+-\w*[AnglucI]`),
		"indexed arrays",
		[]string{`declare -A a`, `local -n a=b`, `declare -g a`, `local -A a`},
		[]string{`local -a a`, `declare -r a`, `local a=-A`, `go test ./cmd/local -run A`},
	},
	{
		"case conversion", regexp.MustCompile(`\$\{\w+(?:\[[^]]*\])?(?:\^|,)`), "tr '[:upper:]' '[:lower:]'",
		[]string{`${x,,}`, `${x^}`, `${a[0]^^}`},
		[]string{`${x:-,}`, `${x%%,*}`},
	},
	{
		"transformations", regexp.MustCompile(`\$\{[\w\[\]@*]+@[QEPAaUuLKk]\}`), "printf %q",
		[]string{`${x@Q}`, `${a[@]@Q}`},
		[]string{`${a[@]}`},
	},
	{
		"negative index", regexp.MustCompile(`\$\{\w+\[\s*-`), "a non-negative index",
		[]string{`${a[-1]}`},
		[]string{`${a[$i]}`, `${a[1]:-x}`},
	},
	{
		"sha256sum", regexp.MustCompile(`\b(?:sha\d+sum|md5sum)\b`), "digest in deploy/calls.sh",
		[]string{`sha256sum f | cut -c1-16`, `md5sum f`},
		[]string{`if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c1-16`},
	},
	{
		"GNU sort options", regexp.MustCompile(`\bsort\s+(?:-\w+\s+)*-\w*[zVRh]`),
		"names without spaces, one per line",
		[]string{`sort -z`, `LC_ALL=C sort -V`},
		[]string{`LC_ALL=C sort`, `sort -u`},
	},
	{
		"sed -i", regexp.MustCompile(`\bsed\s+(?:-\w+\s+)*(?:-\w*i|--in-place)`), "write another file and move it",
		[]string{`sed -i s/a/b/ f`, `sed -Ei x f`},
		[]string{`sed -n x f`, `sed 's/-i//' f`},
	},
	{
		"GNU date", regexp.MustCompile(`\bdate\s+.*(?:-d\b|--date|-I|%N|-r\s*\d)`), "date +%s",
		[]string{`date -d yesterday`, `date -Is`, `date +%s%N`},
		[]string{`date +%s`},
	},
	{
		"GNU readlink and realpath", regexp.MustCompile(`\breadlink\s+-\w*[fem]|\brealpath\b`),
		`cd "$(dirname "$0")"`,
		[]string{`readlink -f x`, `realpath x`},
		[]string{`readlink x`},
	},
	{
		"mktemp without a template", regexp.MustCompile(`\bmktemp(?:\s+-d)?\s*(?:\)|$|;|-t|--)`),
		`mktemp "${TMPDIR:-/tmp}/deputy.XXXXXX"`,
		[]string{`a="$(mktemp)"`, `mktemp -d`, `mktemp --suffix=.go`, `mktemp -t x`},
		[]string{`mktemp "${TMPDIR:-/tmp}/deputy.XXXXXX"`, `mktemp -d "${TMPDIR:-/tmp}/deputy.XXXXXX"`},
	},
	{
		"GNU xargs", regexp.MustCompile(`\bxargs\s+.*(?:-r\b|-d\b|-a\b|--)`), "check for input first",
		[]string{`xargs -r rm`, `xargs -d x`, `xargs --no-run-if-empty rm`},
		[]string{`xargs -0 cat`, `xargs cat`},
	},
	{
		"base64 -w", regexp.MustCompile(`\bbase64\s+.*(?:-w|--)`), "tr -d '\\n'",
		[]string{`base64 -w0`, `base64 --decode`},
		[]string{`base64 | tr -d x`},
	},
	{
		"GNU find", regexp.MustCompile(`\bfind\b.*(?:-printf|-regextype|-readable|-executable)|\bfind\s+-`),
		"-print, with a directory first",
		[]string{`find . -printf %f`, `find -name x`},
		[]string{`find . -name x -print0`},
	},
	{
		"stat", regexp.MustCompile(`\bstat\s+(?:-c|--format|-f)`), "wc -c or ls",
		[]string{`stat -c %s f`, `stat -f %z f`},
		[]string{`state -c`},
	},
	{
		"GNU coreutils",
		regexp.MustCompile(`\bhead\s+-n?\s*-\d|\btail\s+--|\bcp\s+(?:--|-\w*t\b)|\btouch\s+(?:-d|--)|` +
			`\bdu\s+-\w*b|\btac\b|\bnproc\b|\btimeout\s+\d|\bnumfmt\b`),
		"sed",
		[]string{`head -n -1 f`, `cp -t a b`, `touch -d x f`, `tac f`, `timeout 5 x`, `nproc`},
		[]string{`head -n 1 f`, `cp a b`, `--timeout="$5"`, `local timeout=5`},
	},
	{
		"newer bash commands",
		regexp.MustCompile(`\bwait\s+-[np]|\bcoproc\b|\bshopt\s+-s\s+(?:globstar|lastpipe|inherit_errexit)|` +
			`\[\[\s+-v\b|\btest\s+-v\b|\bprintf\s+.*%\(|\$\{?(?:BASHPID|EPOCHSECONDS|EPOCHREALTIME|SRANDOM)\b`),
		"commands of bash 3.2",
		[]string{
			`wait -n`, `coproc x`, `shopt -s globstar`, `[[ -v x ]]`, `printf '%(%s)T'`, `echo $EPOCHSECONDS`,
			`echo ${BASHPID}`,
		},
		[]string{`wait "$pid"`, `printf '%s (%s)' a b`},
	},
	{
		"newer redirections and case terminators", regexp.MustCompile(`&>>|\|&(?:[^&]|$)|;;?&\s*$|\{\w+\}[<>]`),
		">>file 2>&1",
		[]string{`a &>>f`, `a |& b`, `x ;;&`, `x ;&`, `exec {fd}<f`},
		[]string{`a >>f 2>&1`, `a && b`, `a ;;`, `done 3<<<"$is"`},
	},
	{
		"fractional read timeout", regexp.MustCompile(`\bread\s+.*-t\s*0?\.`), "sleep",
		[]string{`read -t 0.5 a`},
		[]string{`read -t 1 a`},
	},
	{
		"$'...' inside an expansion", regexp.MustCompile(`\$\{[^}]*\$'`), "$tab or $newline",
		[]string{`"${x%%$'\n'*}"`, `"${3:+$'\t'$3}"`},
		[]string{`tab=$'\t'`, `"${x%%$newline*}"`},
	},
	{
		"newer curl options", regexp.MustCompile(`\bcurl\b.*--(?:retry-all-errors|fail-with-body|json|variable)`),
		"a loop",
		[]string{`curl --retry-all-errors x`},
		[]string{`curl -fsS --max-time 30 x`},
	},
	{
		"echo with options or escapes", regexp.MustCompile(`\becho\s+-[neE]`), "printf",
		[]string{`echo -n x`, `echo -e 'a\n'`},
		[]string{`echo "$x"`},
	},
	{
		"jq, yq and python", regexp.MustCompile(`(?:^|[|;&(]\s*)(?:jq|yq|python3?|perl|gsed|ggrep)\s`),
		"gcloud --format",
		[]string{`x | jq .a`, `python3 x`},
		[]string{`echo jq`},
	},
}

var (
	comment   = regexp.MustCompile(`^\s*#.*$|\s#\s.*$`)
	emptyList = regexp.MustCompile(`\b(\w+)=\(\)`)
	listUse   = regexp.MustCompile(`"\$\{(\w+)\[@\]\}"`)
	guarded   = regexp.MustCompile(`\$\{(\w+)\[@\]\+"\$\{\w+\[@\]\}"\}`)
	heredoc   = regexp.MustCompile(`<<-?(\w+)\s*$`)
	quoted    = regexp.MustCompile(`\$\([^)]*['\x60]`)
	caseIn    = regexp.MustCompile(`"?\$\([^)]*\bcase\b`)
)

// shellScripts returns the scripts that must run on macOS, by name.
func shellScripts(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "deploy", "*.sh"))
	if err != nil {
		t.Fatal(err)
	}
	scripts := map[string]string{}
	for _, file := range append(files, filepath.Join(root, "deploy.sh"), filepath.Join(root, "test.sh")) {
		text, err := os.ReadFile(file) //nolint:gosec // in this repository
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

// matches reports whether a line, without its comment, contains the trap.
func (t trap) matches(line string) bool {
	return t.pattern.MatchString(comment.ReplaceAllString(line, "")) && !strings.Contains(line, "else shasum -a 256")
}

func TestShellScripts_Portable(t *testing.T) {
	t.Parallel()
	for file, text := range shellScripts(t) {
		for i, line := range strings.Split(text, "\n") {
			for _, trap := range traps {
				if trap.matches(line) {
					t.Errorf("%s:%d: %s: %s (%s)", file, i+1, trap.name, strings.TrimSpace(line), trap.instead)
				}
			}
		}
		for _, problem := range parserProblems(text) {
			t.Errorf("%s:%s", file, problem)
		}
	}
	all := ""
	for _, text := range shellScripts(t) {
		all += text + "\n"
	}
	for _, name := range unguardedArrays(all) {
		t.Errorf(`"${%s[@]}" may be empty, which bash 3.2 treats as unset: use ${%s[@]+"${%s[@]}"}`, name, name, name)
	}
}

func TestTraps(t *testing.T) {
	t.Parallel()
	for _, trap := range traps {
		t.Run(trap.name, func(t *testing.T) {
			t.Parallel()
			for _, line := range trap.bad {
				if !trap.matches(line) {
					t.Errorf("%s does not match", line)
				}
			}
			for _, line := range trap.good {
				if trap.matches(line) {
					t.Errorf("%s is portable but matches", line)
				}
			}
		})
	}
}

// unguardedArrays returns arrays that are initially empty and expanded without a guard.
func unguardedArrays(text string) []string {
	empty := map[string]bool{}
	for _, m := range emptyList.FindAllStringSubmatch(text, -1) {
		empty[m[1]] = true
	}
	var out []string
	for _, m := range listUse.FindAllStringSubmatch(guarded.ReplaceAllString(text, ""), -1) {
		if empty[m[1]] {
			out = append(out, m[1])
		}
	}
	return out
}

func TestUnguardedArrays(t *testing.T) {
	t.Parallel()
	if got := unguardedArrays("flags=()\ngcloud x \"${flags[@]}\"\n"); len(got) != 1 || got[0] != "flags" {
		t.Errorf("got %v", got)
	}
	guarded := "flags=()\nnames=(a b)\ngcloud x ${flags[@]+\"${flags[@]}\"} \"${names[@]}\"\n"
	if got := unguardedArrays(guarded); got != nil {
		t.Errorf("got %v", got)
	}
}

// parserProblems returns code that bash 3.2 cannot parse: quotes in a substitution in a
// here-document, and case in a substitution.
func parserProblems(text string) []string {
	var out []string
	end := ""
	for i, line := range strings.Split(text, "\n") {
		switch m := heredoc.FindStringSubmatch(line); {
		case end != "" && line == end:
			end = ""
		case end != "" && quoted.MatchString(strings.ReplaceAll(line, `\$(`, "")):
			out = append(out, atLine(i, "quotes in a substitution in a here-document: "+line))
		case end == "" && m != nil:
			end = m[1]
		}
		if end == "" && caseIn.MatchString(line) {
			out = append(out, atLine(i, "case in a substitution: "+line))
		}
	}
	return out
}

func atLine(i int, problem string) string { return fmt.Sprintf("%d: %s", i+1, problem) }

func TestParserProblems(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"cat <<TEXT\n$(sed -n 's/x//p' f)\nTEXT\n", "cat <<TEXT\n$(a `b`)\nTEXT\n", "x=\"$(case a in a) ;; esac)\"\n",
	} {
		if len(parserProblems(text)) != 1 {
			t.Errorf("%s is not found", text)
		}
	}
	for _, text := range []string{
		"cat <<TEXT\nit's $(url deputy-x)\nTEXT\n", "cat <<'TEXT'\n$(sed 's/x//')\nTEXT\n",
		"cat <<TEXT\n\\$(a 'b')\nTEXT\n",
	} {
		if got := parserProblems(text); got != nil {
			t.Errorf("%s: %v", text, got)
		}
	}
}

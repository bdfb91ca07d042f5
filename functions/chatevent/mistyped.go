package chatevent

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/words"
)

// answerMessage names the nearest commands for a mistyped one. It answers any other message with the help.
func answerMessage(ctx context.Context, v *view) (chat.Reply, error) {
	typed, args, _ := strings.Cut(v.event.Args, " ")
	near := nearestCommands(typed)
	if len(near) == 0 {
		return help(ctx, v, invocation{})
	}
	var row []chat.Button
	for _, c := range near {
		e := v.event
		e.Command, e.Args = c.id, strings.TrimSpace(args)
		e.Text = strings.TrimSpace(v.event.Text[wordLength(v.event.Text):])
		button := v.button(words.HelpTitle, runButton, newInvocation(e))
		if button.Text = c.name; len(button.Value.Reveal()) < maxButtonValue/maxNear {
			row = append(row, button)
		}
	}
	if len(row) == 0 { // the text is too long for a button
		return help(ctx, v, invocation{})
	}
	v.text(words.MistypedText, typed)
	v.row(row...)
	return v.reply(words.MistypedTitle)
}

// wordLength returns the length of the first word of a text, in bytes.
func wordLength(text string) int {
	if i := strings.IndexFunc(text, unicode.IsSpace); i >= 0 {
		return i
	}
	return len(text)
}

// maxNear is how many commands are named.
const maxNear = 3

// maxTypos is how many letters of a mistyped command may be wrong, missing or too many.
const maxTypos = 2

// nearestCommands returns at most three slash commands that a person may have meant, the nearest first.
func nearestCommands(typed string) []command {
	word := strings.ToLower(strings.TrimPrefix(typed, "/"))
	if word == typed || len(word) < 2 || len(word) > 30 { // not a command
		return nil
	}
	distance := map[int]int{}
	near := slices.DeleteFunc(commands(), func(c command) bool {
		distance[c.id] = typos(word, strings.TrimPrefix(c.name, "/"))
		isPart := len(word) > 2 && strings.Contains(c.name, word)
		return c.isQuick() || distance[c.id] > maxTypos && !isPart
	})
	slices.SortStableFunc(near, func(a, b command) int { return cmp.Compare(distance[a.id], distance[b.id]) })
	return near[:min(maxNear, len(near))]
}

// typos returns how many letters have to be changed, added or removed to get from one word to the other (Levenshtein).
func typos(from, to string) int {
	last := make([]int, len(to)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(from) {
		row := []int{i + 1}
		for j := range len(to) {
			changed := last[j]
			if from[i] != to[j] {
				changed++
			}
			row = append(row, min(changed, last[j+1]+1, row[j]+1))
		}
		last = row
	}
	return last[len(to)]
}

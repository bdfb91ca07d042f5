package chatevent

import (
	"cmp"
	"context"
	"slices"
	"strings"

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
	v.text(words.MistypedText, typed)
	var row []chat.Button
	for _, c := range near {
		e := v.event
		e.Command, e.Args = c.id, strings.TrimSpace(args)
		_, e.Text, _ = strings.Cut(v.event.Text, " ")
		button := v.button(words.HelpTitle, runButton, newInvocation(e))
		button.Text = c.name
		row = append(row, button)
	}
	v.row(row...)
	return v.reply(words.MistypedTitle)
}

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
	return near[:min(3, len(near))]
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

package callers

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"example.com/deputy/shared/address"
)

// Edit applies change to a callers file and returns the new text, with the operator's
// comments. It fails if Parse rejects the old or the new text.
func Edit(text []byte, change func(*Draft) error) ([]byte, error) {
	if _, err := Parse(text); err != nil {
		return nil, err
	}
	d := &Draft{}
	if err := yaml.Unmarshal(text, &d.root); err != nil {
		return nil, readableError(err)
	}
	if len(d.root.Content) == 0 {
		d.root = yaml.Node{ // the file contains at most comments, which the parser dropped
			Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}},
			HeadComment: strings.TrimSpace(string(text)),
		}
	}
	if d.root.Content[0].Kind != yaml.MappingNode { // the file contains only comments
		d.root.Content[0] = &yaml.Node{Kind: yaml.MappingNode, HeadComment: d.root.Content[0].HeadComment}
	}
	if err := change(d); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&d.root); err != nil {
		return nil, fmt.Errorf("callers: %w", err)
	}
	if _, err := Parse(out.Bytes()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Draft is a callers file that Edit changes.
type Draft struct{ root yaml.Node }

// Put replaces the caller with c's ID, or appends c.
func (d *Draft) Put(c Caller) error {
	if c.Kind == "" {
		c.Kind = ServiceAccount
	}
	c.Email = address.Lower(c.Email)
	return d.put("callers", "id", c.ID, c)
}

// Remove removes a caller and reports whether there was one. It records the ID as
// removed. An ID must not be reused, because people's approvals refer to it.
func (d *Draft) Remove(id string) bool {
	if !d.remove("callers", "id", id) {
		return false
	}
	removed := d.sequence("removed")
	removed.Content = append(removed.Content, scalar(id))
	return true
}

// Pause pauses or resumes all callers.
func (d *Draft) Pause(paused bool) {
	fields := d.root.Content[0]
	if i := slices.IndexFunc(fields.Content, func(n *yaml.Node) bool { return n.Value == "paused" }); i >= 0 {
		fields.Content = slices.Delete(fields.Content, i, i+2)
	}
	if paused {
		value := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"}
		fields.Content = append([]*yaml.Node{scalar("paused"), value}, fields.Content...)
	}
}

// PutTemplate replaces the operator's template of the same name, or appends t.
func (d *Draft) PutTemplate(t Template) error { return d.put("templates", "name", t.Name, t) }

// RemoveTemplate removes a template and reports whether there was one.
func (d *Draft) RemoveTemplate(name string) bool { return d.remove("templates", "name", name) }

func scalar(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

// sequence returns a list of the file, and creates it if it does not exist.
func (d *Draft) sequence(name string) *yaml.Node {
	list := valueOf(d.root.Content[0], name)
	if list == nil {
		list = &yaml.Node{Kind: yaml.SequenceNode}
		d.root.Content[0].Content = append(d.root.Content[0].Content, scalar(name), list)
	}
	if list.Kind != yaml.SequenceNode { // "callers:" without a value
		*list = yaml.Node{Kind: yaml.SequenceNode}
	}
	if len(list.Content) == 0 {
		list.Style = 0 // block style, even if the empty list was []
	}
	return list
}

// entryIndex returns the index of the entry whose key has this value, or -1.
func entryIndex(list *yaml.Node, key, value string) int {
	return slices.IndexFunc(list.Content, func(n *yaml.Node) bool {
		v := valueOf(n, key)
		return v != nil && v.Value == value
	})
}

func (d *Draft) put(list, key, name string, value any) error {
	var node yaml.Node
	if err := node.Encode(value); err != nil {
		return fmt.Errorf("callers: %w", err)
	}
	entries := d.sequence(list)
	if i := entryIndex(entries, key, name); i >= 0 {
		node.HeadComment, node.FootComment = entries.Content[i].HeadComment, entries.Content[i].FootComment
		entries.Content[i] = &node
	} else {
		entries.Content = append(entries.Content, &node)
	}
	return nil
}

func (d *Draft) remove(list, key, name string) bool {
	entries := d.sequence(list)
	i := entryIndex(entries, key, name)
	if i >= 0 {
		entries.Content = slices.Delete(entries.Content, i, i+1)
	}
	return i >= 0
}

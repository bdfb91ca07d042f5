package callers

import (
	"bytes"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"example.com/deputy/shared/address"
)

// Edit changes the text of a file of callers, and keeps the operator's comments.
// What comes out is parsed before it is given: it is always a file that Parse
// accepts.
func Edit(text []byte, change func(*Draft) error) ([]byte, error) {
	if _, err := Parse(text); err != nil {
		return nil, err
	}
	d := &Draft{}
	if err := yaml.Unmarshal(text, &d.root); err != nil {
		return nil, readable(err)
	}
	if len(d.root.Content) == 0 {
		d.root = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	if d.root.Content[0].Kind != yaml.MappingNode { // a file with nothing but comments
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

// Draft is a file of callers that is being changed.
type Draft struct{ root yaml.Node }

// Put stores a caller in the place of the one with its id, or behind the others.
func (d *Draft) Put(c Caller) error {
	if c.Kind == "" {
		c.Kind = ServiceAccount
	}
	c.Email = address.Lower(c.Email)
	return d.put("callers", "id", c.ID, c)
}

// Remove takes a caller out, and notes its id: it is never used again, since
// people's approvals name it. It reports whether there was one.
func (d *Draft) Remove(id string) bool {
	if !d.remove("callers", "id", id) {
		return false
	}
	removed := d.list("removed")
	removed.Content = append(removed.Content, scalar(id))
	return true
}

// Pause stops every caller, or lets them go on.
func (d *Draft) Pause(on bool) {
	pairs := d.root.Content[0]
	if at := slices.IndexFunc(pairs.Content, func(n *yaml.Node) bool { return n.Value == "paused" }); at >= 0 {
		pairs.Content = slices.Delete(pairs.Content, at, at+2)
	}
	if on {
		pairs.Content = append([]*yaml.Node{scalar("paused"), {Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"}}, pairs.Content...)
	}
}

// PutTemplate stores an operator's template in the place of the one of its name.
func (d *Draft) PutTemplate(t Template) error { return d.put("templates", "name", t.Name, t) }

// RemoveTemplate takes one out, and reports whether there was one.
func (d *Draft) RemoveTemplate(name string) bool { return d.remove("templates", "name", name) }

func scalar(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

// list is a list of the file, made when it is first named.
func (d *Draft) list(name string) *yaml.Node {
	at := find(&d.root, name)
	if at == nil {
		at = &yaml.Node{Kind: yaml.SequenceNode}
		d.root.Content[0].Content = append(d.root.Content[0].Content, scalar(name), at)
	}
	if at.Kind != yaml.SequenceNode { // callers: with nothing after it
		*at = yaml.Node{Kind: yaml.SequenceNode}
	}
	if len(at.Content) == 0 {
		at.Style = 0 // not [] with many lines in it
	}
	return at
}

// entry is the place of an entry with this name in a list; -1 when there is none.
func entry(list *yaml.Node, key, name string) int {
	return slices.IndexFunc(list.Content, func(n *yaml.Node) bool {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key && n.Content[i+1].Value == name {
				return true
			}
		}
		return false
	})
}

func (d *Draft) put(list, key, name string, value any) error {
	var node yaml.Node
	if err := node.Encode(value); err != nil {
		return fmt.Errorf("callers: %w", err)
	}
	all := d.list(list)
	if at := entry(all, key, name); at >= 0 {
		node.HeadComment, node.FootComment = all.Content[at].HeadComment, all.Content[at].FootComment
		all.Content[at] = &node
	} else {
		all.Content = append(all.Content, &node)
	}
	return nil
}

func (d *Draft) remove(list, key, name string) bool {
	all := d.list(list)
	at := entry(all, key, name)
	if at >= 0 {
		all.Content = slices.Delete(all.Content, at, at+1)
	}
	return at >= 0
}

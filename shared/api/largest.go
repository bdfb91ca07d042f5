package api

import (
	"strconv"
	"strings"
)

// MaxBody returns how many bytes a body of an operation has at most, if it matches the document: its strings and lists
// have bounds. pattern names the operation, as in Check.
func MaxBody(pattern string) int64 { return int64(schemas()[pattern].maxBody) }

const (
	bytesPerCharacter = 12 // of JSON that escapes a character as a surrogate pair
	spacePerValue     = 32 // for white space and punctuation
)

// at returns the part of the document at a JSON pointer.
func (c *compiler) at(pointer string) any {
	var out any = c.doc
	for name := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
		out = out.(map[string]any)[name]
	}
	return out
}

// largest returns the size in bytes of the largest JSON value that matches a schema of requests. It panics if the
// schema has no bound.
func (c *compiler) largest(value any) int {
	schema := value.(map[string]any)
	if ref, ok := schema["$ref"].(string); ok {
		return c.largest(c.at(strings.TrimPrefix(ref, "#")))
	}
	size := spacePerValue
	switch enum, _ := schema["enum"].([]any); {
	case len(enum) > 0:
		longest := 0
		for _, v := range enum {
			longest = max(longest, len(v.(string)))
		}
		size += longest
	case schema["type"] == "object":
		for name, property := range schema["properties"].(map[string]any) {
			size += len(name) + c.largest(property)
		}
	case schema["type"] == "array":
		size += schema["maxItems"].(int) * c.largest(schema["items"])
	case schema["type"] == "string" && (schema["pattern"] != nil || schema["format"] == "ascii"):
		size += schema["maxLength"].(int)
	case schema["type"] == "string":
		size += schema["maxLength"].(int) * bytesPerCharacter
	default: // a boolean or a number
		size += len(strconv.Itoa(-1 << 62))
	}
	return size
}

package cloudapi

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"strings"
)

// objectMetadata is the first part of an upload.
type objectMetadata struct {
	Name string `json:"name"`
}

// multipartParts returns the parts of an upload: the metadata, and the content.
func multipartParts(contentType string, body []byte) (metadata objectMetadata, content []byte, err error) {
	_, params, err := mime.ParseMediaType(strings.ReplaceAll(contentType, "'", `"`)) // gcloud's Python quotes so
	if err != nil {
		return metadata, nil, err
	}
	parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	first, err := parts.NextPart()
	if err == nil {
		err = json.NewDecoder(first).Decode(&metadata)
	}
	if err != nil {
		return metadata, nil, err
	}
	second, err := parts.NextPart()
	if err != nil {
		return metadata, nil, err
	}
	content, err = io.ReadAll(second)
	return metadata, content, err
}

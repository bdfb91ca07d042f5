package google

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// getSpace is spaces.get.
func (s *Server) getSpace(p caller, id string) (any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(id)
	if !p.sees(space) {
		return nil, notFound
	}
	out := s.written(space)
	out["spaceDetails"] = map[string]any{"description": space.Description, "guidelines": space.Guidelines}
	out["externalUserAllowed"] = space.External
	if space.Open {
		out["accessSettings"] = map[string]any{"audience": cmp.Or(space.Audience, "audiences/default")}
	}
	if space.Permissions != nil {
		out["permissionSettings"] = space.Permissions
	}
	return out, nil
}

// patchSpace is spaces.patch for the name and the history, each alone
// (chat-protocol.md 6.2).
func (s *Server) patchSpace(p caller, id, mask string, body []byte) (any, *apiError) {
	var r struct {
		DisplayName, SpaceHistoryState string
		SpaceDetails                   struct{ Description, Guidelines *string }
		AccessSettings                 struct {
			Audience                 *string
			AccessPermissionSettings struct{ DiscoverSpaceSetting, JoinSpaceSetting *setting }
		}
		PermissionSettings map[string]map[string]bool
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, invalid(err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(id)
	switch {
	case !p.sees(space):
		return nil, notFound
	case !p.manages(space):
		return nil, &apiError{code: http.StatusForbidden, status: "PERMISSION_DENIED", message: "Only a manager may do that."}
	case p.admin && (mask == "spaceHistoryState" || strings.HasPrefix(mask, "accessSettings.")):
		return nil, invalid("use_admin_access does not support this field: " + mask)
	case mask == "displayName" && r.DisplayName != "" && utf8.RuneCountInString(r.DisplayName) <= 128:
		if s.taken(p.Person, r.DisplayName, space) {
			return nil, &apiError{code: http.StatusConflict, status: "ALREADY_EXISTS", message: "A space with the display name " + r.DisplayName + " exists."}
		}
		space.DisplayName = r.DisplayName
	case mask == "spaceDetails" && r.SpaceDetails.Description != nil && r.SpaceDetails.Guidelines != nil: // it replaces both
		space.Description, space.Guidelines = *r.SpaceDetails.Description, *r.SpaceDetails.Guidelines
	case mask == "accessSettings.audience" && r.AccessSettings.Audience != nil:
		space.Open, space.Audience = *r.AccessSettings.Audience != "", strings.TrimPrefix(*r.AccessSettings.Audience, "audiences/default")
	case mask == "accessSettings.accessPermissionSettings.discoverSpaceSetting" && r.AccessSettings.AccessPermissionSettings.DiscoverSpaceSetting != nil:
		space.Discover = r.AccessSettings.AccessPermissionSettings.DiscoverSpaceSetting.audiences()
	case mask == "accessSettings.accessPermissionSettings.joinSpaceSetting" && r.AccessSettings.AccessPermissionSettings.JoinSpaceSetting != nil:
		join := r.AccessSettings.AccessPermissionSettings.JoinSpaceSetting.audiences()
		for _, audience := range join {
			if !slices.Contains(space.Discover, audience) {
				return nil, invalid("Who may join must also be allowed to discover.")
			}
		}
		space.Join = join
	case strings.HasPrefix(mask, "permissionSettings."):
		for field := range strings.SplitSeq(mask, ",") { // may not mix with others
			name, ok := strings.CutPrefix(field, "permissionSettings.")
			if !ok || r.PermissionSettings[name] == nil {
				return nil, invalid("Invalid update mask or value: " + mask)
			}
			if space.Permissions == nil {
				space.Permissions = map[string]map[string]bool{}
			}
			space.Permissions[name] = r.PermissionSettings[name]
		}
	case mask == "spaceHistoryState" && r.SpaceHistoryState != "":
		space.History = r.SpaceHistoryState
	default:
		return nil, invalid("Invalid update mask or value: " + mask)
	}
	s.touch()
	return s.written(space), nil
}

// setting is an AccessPermissionSetting.
type setting struct {
	Principals []struct{ Audience struct{ Name string } }
}

func (s *setting) audiences() []string {
	var out []string
	for _, p := range s.Principals {
		out = append(out, p.Audience.Name)
	}
	return out
}

package google

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

func (s *Server) getSpace(c caller, id string) (any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	space := s.space(id)
	if !c.canSee(space) {
		return nil, notFound
	}
	out := s.spaceResource(space)
	out["spaceDetails"] = map[string]any{"description": space.Description, "guidelines": space.Guidelines}
	out["externalUserAllowed"] = space.ExternalAllowed
	out["accessSettings"] = map[string]any{"accessState": "PRIVATE"}
	if space.Discoverable {
		audience := cmp.Or(space.Audience, "audiences/default")
		out["accessSettings"] = map[string]any{"accessState": "DISCOVERABLE", "audience": audience}
	}
	if space.Permissions != nil {
		out["permissionSettings"] = space.Permissions
	}
	return out, nil
}

// patchSpace is spaces.patch. Only permissionSettings can combine fields in one mask (Chat API reference: spaces).
func (s *Server) patchSpace(c caller, id, mask string, body []byte) (any, *apiError) {
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
	space, details, audience := s.space(id), r.SpaceDetails, r.AccessSettings.Audience
	access := r.AccessSettings.AccessPermissionSettings
	switch {
	case !c.canSee(space):
		return nil, notFound
	case !c.canManage(space):
		return nil, newError(http.StatusForbidden, "Only a manager may do that.")
	case c.admin && (mask == "spaceHistoryState" || strings.HasPrefix(mask, "accessSettings.")):
		return nil, invalid("use_admin_access does not support this field: " + mask)
	case mask == "displayName" && r.DisplayName != "" && utf8.RuneCountInString(r.DisplayName) <= 128:
		if s.nameTaken(c.Person, r.DisplayName, space) {
			return nil, newError(http.StatusConflict, "A space with the display name "+r.DisplayName+" exists.")
		}
		space.DisplayName = r.DisplayName
	case mask == "spaceDetails" && details.Description != nil && details.Guidelines != nil: // replaces both
		space.Description, space.Guidelines = *details.Description, *details.Guidelines
	case mask == "accessSettings.audience" && audience != nil:
		space.Discoverable, space.Audience = *audience != "", strings.TrimPrefix(*audience, "audiences/default")
	case mask == accessMask+"discoverSpaceSetting" && access.DiscoverSpaceSetting != nil:
		space.DiscoverAudiences = access.DiscoverSpaceSetting.audiences()
	case mask == accessMask+"joinSpaceSetting" && access.JoinSpaceSetting != nil:
		join := access.JoinSpaceSetting.audiences()
		for _, name := range join {
			if !slices.Contains(space.DiscoverAudiences, name) {
				return nil, invalid("An audience that can join must also be able to discover the space.")
			}
		}
		space.JoinAudiences = join
	case strings.HasPrefix(mask, "permissionSettings."):
		for field := range strings.SplitSeq(mask, ",") { // can't be combined with other fields
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
	s.notify()
	return s.spaceResource(space), nil
}

const accessMask = "accessSettings.accessPermissionSettings."

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

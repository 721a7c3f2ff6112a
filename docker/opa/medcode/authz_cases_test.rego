# Questions and the decisions they should get: `opa test docker/opa` and the test suite ask them all.
package medcode.authz_cases

import rego.v1

coder := {"id": "key:a", "scopes": ["code"], "hospitals": ["H1", "H2"]}

everybody := {
	"id": "key:b",
	"scopes": ["code", "rank", "bill", "price", "encounter", "review", "codes", "models", "metrics"],
	"hospitals": ["*"],
}

refused(why) := {"allow": false, "why": why}

allowed := {"allow": true, "why": "allow"}

cases := {
	"nothing": {"asked": {}, "decision": refused("unauthenticated")},
	"nobody": {"asked": {"action": "code", "hospitals": ["H1"]}, "decision": refused("unauthenticated")},
	"empty id": {
		"asked": {"subject": {"id": "", "scopes": ["code"], "hospitals": ["*"]}, "action": "code", "hospitals": []},
		"decision": refused("unauthenticated"),
	},
	"scope": {"asked": {"subject": coder, "action": "code", "hospitals": ["H1"]}, "decision": allowed},
	"both hospitals": {"asked": {"subject": coder, "action": "code", "hospitals": ["H1", "H2"]}, "decision": allowed},
	"other scope": {"asked": {"subject": coder, "action": "bill", "hospitals": ["H1"]}, "decision": refused("scope")},
	"decisions need a scope": {"asked": {"subject": coder, "action": "review", "hospitals": ["H1"]}, "decision": refused("scope")},
	"decisions on another hospital's chart": {
		"asked": {"subject": {"id": "x", "scopes": ["review"], "hospitals": ["H1"]}, "action": "review", "hospitals": ["H2"]},
		"decision": refused("hospital"),
	},
	"decisions": {
		"asked": {"subject": {"id": "x", "scopes": ["review"], "hospitals": ["H1"]}, "action": "review", "hospitals": ["H1"]},
		"decision": allowed,
	},
	"other hospital": {
		"asked": {"subject": coder, "action": "code", "hospitals": ["H1", "H9"]},
		"decision": refused("hospital"),
	},
	"no hospital named": {"asked": {"subject": coder, "action": "code", "hospitals": []}, "decision": refused("hospital")},
	"unknown action": {"asked": {"subject": everybody, "action": "erase", "hospitals": []}, "decision": refused("action")},
	"all hospitals": {"asked": {"subject": everybody, "action": "bill", "hospitals": ["H7"]}, "decision": allowed},
	"all hospitals, none named": {"asked": {"subject": everybody, "action": "rank", "hospitals": []}, "decision": allowed},
	"no hospitals at all": {
		"asked": {"subject": {"id": "x", "scopes": ["code"], "hospitals": []}, "action": "code", "hospitals": ["H1"]},
		"decision": refused("hospital"),
	},
	"reference data": {
		"asked": {"subject": {"id": "x", "scopes": ["codes"], "hospitals": ["H1"]}, "action": "codes", "hospitals": []},
		"decision": allowed,
	},
	"figures need a scope": {"asked": {"subject": coder, "action": "metrics", "hospitals": []}, "decision": refused("scope")},
	"scopes of another form": {
		"asked": {"subject": {"id": "x", "scopes": "code", "hospitals": ["*"]}, "action": "code", "hospitals": []},
		"decision": refused("scope"),
	},
}

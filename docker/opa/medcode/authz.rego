# Who may ask the API for what. `decision` is all that is read; whatever is not allowed here is refused.
#
# input.subject   {"id", "scopes": [...], "hospitals": [...]}; "*" among hospitals stands for all of them
# input.action    code | rank | bill | price | encounter | review | codes | models | metrics
# input.hospitals hospitals that the records of the request belong to
package medcode.authz

import rego.v1

default allow := false

allow if count(refused) == 0

decision := {"allow": allow, "why": why}

why := "allow" if allow

why := first if {
	not allow
	order := ["unauthenticated", "action", "scope", "hospital"]
	found := [reason | some reason in order; reason in refused]
	first := found[0]
}

# the scope that each action needs; an action that is not listed is nobody's
needed := {
	"code": "code",
	"rank": "rank",
	"bill": "bill",
	"price": "price",
	"encounter": "encounter",
	"review": "review",
	"codes": "codes",
	"models": "models",
	"metrics": "metrics",
}

refused contains "unauthenticated" if not known

refused contains "action" if not needed[input.action]

refused contains "scope" if not scoped

refused contains "hospital" if not housed

known if {
	is_string(input.subject.id)
	input.subject.id != ""
}

scoped if needed[input.action] in input.subject.scopes

# every hospital that is asked for has to be the caller's; a caller of some hospitals has to name one of them
housed if "*" in input.subject.hospitals

housed if {
	count(input.hospitals) > 0
	every hospital in input.hospitals { hospital in input.subject.hospitals }
}

# reference data, models and figures belong to no hospital
housed if {
	input.action in ["codes", "models", "metrics"]
	count(input.hospitals) == 0
}

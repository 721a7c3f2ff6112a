# Run by `opa test docker/opa`.
package medcode.authz_test

import rego.v1

import data.medcode.authz
import data.medcode.authz_cases

test_cases if {
	every question in authz_cases.cases {
		authz.decision == question.decision with input as question.asked
	}
}

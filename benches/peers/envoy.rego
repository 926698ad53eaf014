# What OPA-Envoy is asked: the bearer token's signature, issuer, audience and times, and then the rules.
package crosstenant.envoy

import data.crosstenant

default allow := false

allow if {
	[scheme, token] := split(input.attributes.request.http.headers.authorization, " ")
	lower(scheme) == "bearer"
	[valid, _, claims] := io.jwt.decode_verify(token, {
		"cert": data.keys,
		"alg": "RS256",
		"iss": data.issuer,
		"aud": data.audience,
	})
	valid
	crosstenant.permitted(caller(claims))
}

caller(claims) := object.union(known, home(claims)) if {
	known := {
		"application": data.application,
		"mfa": "mfa" in object.get(claims, "amr", []),
		"device": false,
	}
}

home(claims) := {} if not claims.idp

home(claims) := {"home": trim_suffix(trim_prefix(claims.idp, "https://sts.windows.net/"), "/"), "user": claims.home_oid}

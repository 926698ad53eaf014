# The rules of the comparison, for OPA and for regorus: `data.table` is what `table.rs` writes, and a caller is
# {"home": tenant, "user": id there, "application": id, "mfa": bool, "device": bool}, a member one without "home".
package crosstenant

default allow := false

allow if permitted(input)

# Members of the tenant itself.
permitted(caller) if not caller.home

# Guests: by the setting for their home, and by that of their home where it is known; with proof that counts.
permitted(caller) if {
	passes(inbound(caller.home), caller)
	released(caller)
	proven(caller, data.table.partners[caller.home])
}

inbound(home) := data.table.partners[home].inbound

inbound(home) := data.table["default"] if not data.table.partners[home].inbound

released(caller) if not data.table.partners[caller.home].outbound

released(caller) if passes(data.table.partners[caller.home].outbound, caller)

proven(caller, partner) if {
	caller.mfa
	partner.mfa
}

proven(caller, partner) if {
	caller.device
	partner.device
}

passes(setting, caller) if {
	permits(setting.users, "AllUsers", caller.user)
	permits(setting.applications, "AllApplications", caller.application)
}

# An allowing half permits whom it lists, a blocking half everyone else.
permits(half, everything, id) if {
	half.allowed
	listed(half.targets, everything, id)
}

permits(half, everything, id) if {
	not half.allowed
	not listed(half.targets, everything, id)
}

listed(targets, everything, _) if targets[everything]

listed(targets, _, id) if targets[id]

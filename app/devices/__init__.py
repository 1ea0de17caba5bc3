"""The devices at the pickup tables: how one is paired, what proves a call is its own, who stands at it.

Owns: pairing codes, devices and their public keys, the nonces of their calls, the PINs of clerks.

Invariants:
* A pairing code makes one device, once; the table holds its digest only.
* A call with a token of a device counts when the device's own key signed it, within five minutes, and once.
* What a device may do follows from the clerk at it; alone it fetches keys and hands in what it recorded.
* A revoked device is refused by every worker at once, and what it recorded afterwards is never merged.
"""

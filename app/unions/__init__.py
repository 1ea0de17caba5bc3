"""The tree of unions, their members and staff accounts.

Invariants: the tree goes national → municipal → district → street → grassroots → group and never
skips upward; a member belongs to a unit of exactly one street union (the tenant); a member number
is unique in its street union; no identity number is stored, at most its last four characters.
"""

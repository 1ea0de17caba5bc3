"""Closing campaigns (收尾封存): two identities, what stands in the way by name, and a seal that is final.

Goods, for each lot of the campaign's gift boxes that was ever at one of its points:
`received = handed over + returned + damaged + donated + on hand + in transit + variance`.
People, for each unit: `eligible = collected + proxy + open + given up + cancelled + not collected`, where the
eligible are the members who pass the campaign's rules at the reckoning, and everybody who ever ordered.

Invariants: who prepares does not seal (by account and by member); what is sealed never changes, the database
refuses it too; a sealed campaign has no blocker at the moment of its seal, checked under the locks of the
campaign, its offers, slots and orders. What comes later is listed in supplements, and nowhere else.
"""

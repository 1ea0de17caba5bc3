"""Pickup codes and the hand-over of a box.

Owns: the signed code and the short code of an order, the keys that sign them, scans, redemptions,
devices, conflicts, and what devices sent and nobody can place.

Invariants:
* An order is handed over at most once. The ledger in the database guards that; a code only says who
  may ask.
* What a device recorded offline has happened: it leaves a redemption or a quarantined event, whatever is
  wrong with it, and a conflict where it contradicts the ledger.
* A code holds no personal data, and no field of it is believed before its signature is verified.
* Codes are signed only with an active key; a withdrawn key refuses every code it ever signed.
* Private keys are files outside the database and the repository.
"""

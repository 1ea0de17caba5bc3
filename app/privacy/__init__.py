"""Personal data in the hands of its owner: looks with a reason, consents, export, erasure, retention.

Invariants: a look at unmasked data leaves an entry that the member can read; a consent names the version of
its text; what is erased stays erased; a campaign's personal data goes when its time is over, with a receipt.
"""

"""Telling the outside: the outbox, the relay that empties it, and the senders.

Invariant: an event exists if and only if the change it tells of was committed; it is handed to the
sender at least once, those of one order as they happened (its lock numbers them), and carries
ids only, no personal data.
"""

"""Orders: place, book, move, cancel; and what becomes of them.

Invariants: at most one live order for a member in a campaign; a booked order has a slot of its own
pickup point; counters of offers and slots change in the transaction that changes the order;
`collected` is final; every change leaves an outbox event in the same transaction.
"""

"""The roster: members as their unions send them, in Excel or CSV, compared and then taken over.

Invariants: nothing is written before the commit; a commit happens once; nobody who holds an order vanishes;
a file that could hurt is refused before it is unpacked; what is refused is named by row and reason.
"""

"""What is done with boxes between receipt and hand-over: transfers, stocktakes, disposals, alerts, recalls.

Invariants: boxes move by `post_movements` only; a transfer that is not approved as an exception leaves at
its pickup point what is promised there; who sends does not receive, who counts does not approve, who asks
does not decide; a number is given once and none is left out; what is over is never changed.
"""

"""Pickup points and slots: where and when a box is handed over.

Invariant: a slot never has more bookings than places (`0 <= booked_count <= capacity`); a booking
is the `slot_id` of an order, and `booked_count` is their number.
"""

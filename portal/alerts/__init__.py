"""Telling people: what is worth telling, when, in which words, and how it is sent.

`noting` makes the rows (Alert, Delivery), `sending` sends them; both may be called twice, late, or by two at once.
"""

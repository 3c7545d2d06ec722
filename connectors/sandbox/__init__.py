"""Local stand-ins for the outside services, to try and test Fieldbridge without any account.

A service plugs in as a `Service` (see service.py): its routes, its state as plain dicts, what a fault may hit.
No Django here.
"""

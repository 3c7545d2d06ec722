"""Invoices: from the tradesperson's document to one that can be paid, and from the payment back. Pure."""

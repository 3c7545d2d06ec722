"""`make demo`: the portal with made-up accounts. Only `data` knows Django; the rest starts processes."""

"""Django's SQLite backend with another way of waiting for the lock; see `portal.sqlite.base`."""

"""`make bench`: how fast it is, measured from outside on the real processes, with the aim beside each figure."""

"""The whole engine in one process under one seed: what breaks, when, and in which order, can be repeated at will."""

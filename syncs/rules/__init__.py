"""Rules: what a business wants done differently with some of its records. Pure; a draft's rows are read in
syncs/rulebook.py."""


class RuleError(ValueError):
    """A rule that cannot work, in words for who edits it."""

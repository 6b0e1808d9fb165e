"""Pages for people: what a reporter reads next, in words, shapes and colour, made here and changed by small scripts.

It stands on ``api``: the same callers, permissions and services, another answer. Nothing is loaded from elsewhere.
"""

"""Worklists to read by while nothing answers: a set of files that stands on its own, on disk and on paper."""

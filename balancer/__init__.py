"""Balancer shares out radiology reporting across the trusts of an NHS imaging network.

The folders are the pipeline, in the order in which data flows through it: ``ingest`` turns what trusts send into
``domain`` values, ``store`` keeps them, ``optimise`` allocates reads to reporting sessions, ``publish`` puts worklists
on the wire, ``services`` are the use cases that join these, and ``api`` and ``scheduler`` set the use cases going.
"""

__version__ = "0.1.0"

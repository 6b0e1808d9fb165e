"""The Kent sample: a synthetic network of three trusts, their extracts and rotas as trusts really deliver them.

The truth is drawn first (``catalogue``, ``reporters``, ``rota``, ``queue``); then it is written down the way each
trust's systems write, with mistakes planted that are named one by one. Trusts and hospitals bear real names because a
sample of Kent should read like Kent; every figure, person and patient is invented.
"""

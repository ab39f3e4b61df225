"""The pack for an audit: what the log has of a period, with its proofs, as one archive.

`tables.py` says what goes in, `clauses.py` which clause it answers, `making.py` writes it,
`checking.py` holds one against its manifest and signature.
"""

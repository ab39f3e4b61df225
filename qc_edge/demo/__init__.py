"""The demo: a whole station on rendered parts, shown live, and its count closed against the truth.

Everything it runs is the product's own: pylon's emulator, the spool, the gates, the model, the log.
Only the parts are made up.
"""

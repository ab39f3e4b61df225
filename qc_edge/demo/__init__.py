"""The demo: a whole station on rendered parts, shown live, and its count closed against the truth.

Everything it runs is the product's own: pylon's emulator, the spool, the gates, the model, the log.
Only the parts are rendered. `demo_run` is the whole course of it: `parts` renders, `demo_station`
makes the station that `station_thread` runs, `display` draws a `view` of it, `account` closes the
count from the log, `summary` prints that.
"""

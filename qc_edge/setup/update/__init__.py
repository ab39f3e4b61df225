"""New software on a box: found, checked, staged beside what runs, applied, and taken back if it is
not good. The same on a box with the Debian package and on one with two slots.
"""

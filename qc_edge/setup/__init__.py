"""Sets up stations and the box that they run on, and takes the box's part away again.

`new_station` makes a station's directories and settings. `install` makes the box an appliance: the
units and rules of `system_files`, then for each station `station_files`, all of it written through
one `file_installer`, which records every change.
"""

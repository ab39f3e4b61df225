"""What commands need below printing: options, tables, image files as arguments, the SQL shell,
single files inspected, a calibration proposed.
"""

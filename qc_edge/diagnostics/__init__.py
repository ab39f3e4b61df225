"""Is a station fit to run, how is it, and what does its vendor need to know? Looks only.

The modules named for a thing (`camera`, `model`, `directories`, `disk_health`, `service`, ...) hold
the checks: functions `check_*` that yield findings. `check` chooses those that decide whether a
station can start, `doctor` runs everything, `support_bundle` packs the result for the vendor.
"""

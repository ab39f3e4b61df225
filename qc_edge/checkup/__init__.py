"""Is a station fit to run? Looks at everything, changes nothing, and reports every fault at once."""

from qc_edge.checkup.finding import Finding, Level, worst_exit_code
from qc_edge.checkup.station import check_station, stations

__all__ = ["Finding", "Level", "check_station", "stations", "worst_exit_code"]

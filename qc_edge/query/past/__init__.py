"""The judged past of a station: selections of inspections, what a threshold makes of them."""

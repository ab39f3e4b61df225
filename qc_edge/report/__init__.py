"""Why a part was judged as it was: its dossier, for the terminal and as a report for a customer."""

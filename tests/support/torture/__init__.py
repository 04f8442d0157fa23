"""The guarantees of a run, under real kills, signals, cut connections and races.

Each run is a separate process. The environment sets the number of repetitions (see
`torture.sizes`): ``make test`` runs the quick form, ``make torture`` the long one.
"""

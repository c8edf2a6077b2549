//! What a run is asked to do: the one typed tree of settings, experiment files, environment.

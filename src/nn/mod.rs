//! The networks: T5, prefixes, value head, empathy identifier, sampling.

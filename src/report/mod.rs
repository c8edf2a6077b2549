//! Result tables, as text, JSON and for the window.

//! The window: places, panels and charts over the engine and the store. Knows no tensor.

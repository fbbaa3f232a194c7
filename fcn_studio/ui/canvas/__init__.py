"""The painting surface: view state, screen-resolution caches, the widget."""

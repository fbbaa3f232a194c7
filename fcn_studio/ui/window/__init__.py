"""The main window: its docks and bars, its layout on the screen, and how messages reach the user."""

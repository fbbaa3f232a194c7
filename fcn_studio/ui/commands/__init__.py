"""What each action of the table does; nothing but the window sees this room."""

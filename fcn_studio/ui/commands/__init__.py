"""What each action of the table does.

Nothing but the window sees this room.
"""

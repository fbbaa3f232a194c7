"""The stroke journal's files and what they bring back."""

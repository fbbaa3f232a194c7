"""What is found when a folder is opened: images, masks among and beside them, lists, and what is left out."""

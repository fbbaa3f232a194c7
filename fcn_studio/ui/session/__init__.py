"""The open project and image, their classes and statuses, and reading ahead."""

"""A project's files: settings, annotations, records, earlier versions, locks and runs."""

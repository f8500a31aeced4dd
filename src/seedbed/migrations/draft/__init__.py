"""Drafts: the revisions that separate the migrations from the models, planned, written and proven."""

"""Creation of new projects, and adoption of existing ones."""

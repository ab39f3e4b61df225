"""The pages, a module each with its routes. What they show they read; they write nothing."""

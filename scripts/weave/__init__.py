"""Many changes in one build: each is woven into the code beside what it would replace, and one is chosen when a test starts."""

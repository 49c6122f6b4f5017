"""Reports: a value that says what is in one, and pages made of it: HTML, Markdown, JSON."""

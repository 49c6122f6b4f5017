"""Choosing a base: what is known of the candidates, adding one, trying one out."""

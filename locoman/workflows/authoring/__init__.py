"""How an adapter package comes about: begun from a template, criticised until it is whole, packed for others."""

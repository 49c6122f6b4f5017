"""A change of base: does each adapter survive it, and the order in which it is done."""

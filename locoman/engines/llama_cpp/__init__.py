"""llama.cpp in this very process, through llama-cpp-python: exact probabilities, and platforms without the embedded host."""
